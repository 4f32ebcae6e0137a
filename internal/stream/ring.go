package stream

import (
	"slices"
	"sort"
	"sync"
	"time"

	"sluice/internal/kafka"
	"sluice/record"
)

// ring holds the latest batches of a topic, up to a number of bytes, and who
// waits for the next. All methods may be called at any time from any goroutine.
type ring struct {
	topic string
	room  *room

	mu sync.RWMutex
	// id and era are those of the topic as it is now; era grows when the topic
	// is made anew, and nothing of before is left then.
	id   record.TopicID
	era  uint64
	gone bool // the topic is deleted

	// batches are those from number first on. low is the position before the
	// oldest, and next the one behind all that has been read.
	batches   []*batch
	first     uint64
	low, next []int64
	// bounds are what Kafka has said last of each partition.
	bounds  []bounds
	bytes   int
	waiting map[chan<- struct{}]struct{}
	// woken is when they were woken last, and owed runs while they are to be
	// woken in a moment.
	woken time.Time
	owed  *time.Timer
}

// bounds are the ends of a partition's log.
type bounds struct {
	start, stable, high int64
	// since is from when on stable stands still below high, and stalled is set
	// when that is for long.
	since   time.Time
	stalled bool
}

func boundsOf(f kafka.Fetched) bounds { return bounds{start: f.Start, stable: f.Stable, high: f.High} }

func newRing(topic string, room *room) *ring {
	return &ring{topic: topic, room: room, waiting: map[chan<- struct{}]struct{}{}}
}

// begin sets the ring up for a topic, at a position in each of its partitions.
func (r *ring) begin(id record.TopicID, at []bounds, next []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(len(r.batches))
	r.id, r.gone = id, false
	r.era++
	r.bounds = slices.Clone(at)
	r.next, r.low = slices.Clone(next), slices.Clone(next)
	r.wake()
}

// grow adds a partition that was made after the others: it is read from its
// first offset, and what is deleted of it by now is a gap.
func (r *ring) grow(at bounds) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bounds = append(r.bounds, at)
	// Batches share what they have seen of these: they are replaced, never
	// changed.
	r.next = append(slices.Clone(r.next), 0)
	r.low = append(slices.Clone(r.low), 0)
	r.wake()
}

// vanish says that the topic is deleted. What was read of it stays readable.
func (r *ring) vanish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	r.wake()
}

// part is what one answer of Kafka says of a partition.
type part struct {
	partition int32
	records   []rec
	// next is the offset to read next, which may lie above the records: what
	// is between is not for readers.
	next   int64
	gap    *Gap
	bounds bounds
}

// append adds what was read, as one flush.
func (r *ring) append(parts []part, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add := appender{ring: r, after: slices.Clone(r.next)}
	for _, p := range parts {
		r.setBounds(p.partition, p.bounds, now)
		if p.gap != nil {
			add.flush()
			add.after[p.partition] = *p.gap.To
			if p.gap.Reason == Truncated {
				// Positions only grow in what is kept.
				r.drop(len(r.batches))
			}
			add.put(&batch{gap: p.gap})
		}
		for i := range p.records {
			add.record(&p.records[i])
		}
		add.after[p.partition] = max(add.after[p.partition], p.next)
	}
	add.flush()
	r.next = add.after
	if add.count > 0 {
		r.evict()
		r.wake()
	}
}

// appender makes batches of records.
type appender struct {
	ring  *ring
	after []int64 // the position behind what was added
	run   []rec
	size  int
	count int // of batches
}

func (a *appender) record(r *rec) {
	n := r.bytes()
	if a.size > 0 && a.size+n > batchBytes {
		a.flush()
	}
	a.run = append(a.run, *r)
	a.size += n
	a.after[r.partition] = r.offset + 1
}

func (a *appender) flush() {
	if len(a.run) > 0 {
		a.put(&batch{records: a.run, size: a.size})
		a.run, a.size = nil, 0
	}
}

// put adds a batch that leads to the position that has been reached.
func (a *appender) put(b *batch) {
	r := a.ring
	b.topic, b.id, b.before, b.after = r.topic, r.id, r.next, a.after
	b.size += 16*len(a.after) + batchOverhead
	b.seq = r.first + uint64(len(r.batches))
	b.grown = func(n int) { r.grown(b, n) }
	a.after = slices.Clone(a.after)
	a.count++
	r.next = b.after
	r.batches = append(r.batches, b)
	r.bytes += b.size
	r.room.take(b.size)
}

// setBounds remembers what Kafka has said, and since when the last stable
// offset stands still.
func (r *ring) setBounds(partition int32, b bounds, now time.Time) {
	old := &r.bounds[partition]
	if b.stable != old.stable || old.stable >= old.high {
		b.since = now
	} else {
		b.since, b.stalled = old.since, now.Sub(old.since) >= stallAfter
	}
	if b.stalled && !old.stalled {
		r.wake()
	}
	*old = b
}

// stallAfter is how long the last stable offset stands still below the high
// watermark until watchers are told.
const stallAfter = 10 * time.Second

// grown accounts for what a batch takes more than before, if it is still here.
func (r *ring) grown(b *batch, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.seq < r.first {
		return
	}
	b.size += n
	r.bytes += n
	r.room.take(n)
	r.evict()
}

// evict drops the oldest batches until the ring is small enough. The latest one
// stays, however large.
func (r *ring) evict() {
	n, bytes := 0, r.bytes
	over := max(r.bytes-r.room.ring, r.room.over())
	for n < len(r.batches)-1 && r.bytes-bytes < over {
		bytes -= r.batches[n].size
		n++
	}
	r.drop(n)
}

// drop forgets the n oldest batches.
func (r *ring) drop(n int) {
	for _, b := range r.batches[:n] {
		r.bytes -= b.size
		r.room.give(b.size)
	}
	if n > 0 {
		r.low = r.batches[n-1].after
		r.first += uint64(n)
		// The array must not hold what was dropped, and not grow for ever.
		clear(r.batches[:n])
		r.batches = r.batches[n:]
	}
}

// wakeCost is the pause that a woken client is worth: to wake all of them takes
// about as long, and who is woken later finds more to send at once.
const wakeCost = 5 * time.Microsecond

// wake wakes who waits, at once after a silence, else after a pause that grows
// with their number. A client that is at work looks again by itself.
func (r *ring) wake() {
	if r.owed != nil {
		return
	}
	pause := time.Duration(len(r.waiting)) * wakeCost
	if since := time.Since(r.woken); since < pause {
		r.owed = time.AfterFunc(pause-since, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.owed = nil
			r.wakeNow()
		})
		return
	}
	r.wakeNow()
}

func (r *ring) wakeNow() {
	r.woken = time.Now()
	for ch := range r.waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// watch has ch woken from now on when there is something new, until unwatch.
// The channel has a buffer of one.
func (r *ring) watch(ch chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[ch] = struct{}{}
}

func (r *ring) unwatch(ch chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, ch)
}

// view is what a client sees of the ring at a moment. Nothing in it is changed
// later.
type view struct {
	id        record.TopicID
	era       uint64
	gone      bool
	first     uint64
	low, next []int64
	batches   []*batch // from the asked number on, a few
}

// look returns the ring as it is, with up to n batches from number seq on.
func (r *ring) look(seq uint64, n int) view {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := view{id: r.id, era: r.era, gone: r.gone, first: r.first, low: r.low, next: r.next}
	if from := seq - r.first; seq >= r.first && from < uint64(len(r.batches)) {
		v.batches = slices.Clone(r.batches[from:min(int(from)+n, len(r.batches))]) //nolint:gosec // G115: below a length.
	}
	return v
}

// locate returns the number of the first batch in which there is something at
// or behind the position, or the number of the next one to come.
func (r *ring) locate(next []int64) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.batches) > 0 && r.batches[0].gap != nil && r.batches[0].gap.Reason == Truncated {
		return r.first // Everybody who comes from before it must be told.
	}
	n := sort.Search(len(r.batches), func(i int) bool {
		for p, after := range r.batches[i].after {
			if p >= len(next) || after > next[p] {
				return true
			}
		}
		return false
	})
	return r.first + uint64(n) //nolint:gosec // G115: a length.
}

// boundsOf returns what Kafka has said last of the partitions.
func (r *ring) boundsOf() []bounds {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.bounds)
}

// clear forgets everything, when the tail has ended.
func (r *ring) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(len(r.batches))
}
