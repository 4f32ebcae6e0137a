package producer

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// flightRecords and flightBytes bound a flight of several batches, and
	// with it how many records of a topic can be "unknown" when Kafka falls
	// silent. A flight must be large enough for a stream to keep Kafka busy.
	flightRecords = 8192
	flightBytes   = 1 << 20
	// probeRecords bounds the first flight after one that was stuck, whose
	// fate may be the same.
	probeRecords = 64
	// leastLeft is the time that a record must have left to be handed over.
	// With less, an acknowledgement would come too late to be told, and the
	// answer would be "unknown" where "no" is still true.
	leastLeft = 100 * time.Millisecond
)

// queue is the flight queue of a topic: at most one flight of records is with
// the Kafka client, what arrives meanwhile becomes the next. It is a group
// commit without a linger (a record that comes alone leaves at once), and what
// is still queued was never handed over, so it can be withdrawn truthfully.
type queue struct {
	topic   string
	cluster *cluster
	berth   *berth
	metrics *topicMetrics

	mu          sync.Mutex
	first, last *Batch // waiting for the next flight
	flying      bool
	stalled     *Error    // why nothing is queued at present
	tookOff     time.Time // of the flight
	generation  uint64    // of the topic that the client writes to
	recreated   bool      // the client has to forget the topic before the next flight

	// Of the flight; used by the goroutine that hands it over and by the
	// client's one for promises, which follow each other.
	aloft   atomic.Int32 // batches that have not landed
	bad     bool         // a record of it is unknown
	probe   bool         // none has landed well since one was stuck
	alone   []*slot      // to be sent once more, one by one
	trouble error        // a failure that has to be mended
	single  bool         // it is one record
}

// submit hands the batch over, or queues it behind the present flight. A
// refusal means that the batch was not taken.
func (q *queue) submit(b *Batch, generation uint64, now time.Time) *Error {
	q.mu.Lock()
	if q.stalled != nil {
		defer q.mu.Unlock()
		return q.stalled
	}
	if generation > q.generation {
		q.recreated = q.recreated || q.generation > 0
		q.generation = generation
	}
	b.queue = q
	b.refs.Add(1)
	if q.flying || q.recreated {
		grounded := !q.flying
		q.flying = true
		q.push(b)
		q.mu.Unlock()
		if grounded {
			q.depart()
		}
		return nil
	}
	q.flying, q.tookOff = true, now
	q.aloft.Store(1)
	q.single = b.going == 1
	q.mu.Unlock()
	q.handOver(b)
	return nil
}

// withdraw takes the batch out of the queue. It returns false when the batch
// has been handed over: then only Kafka can tell.
func (q *queue) withdraw(b *Batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !b.queued {
		return false
	}
	q.remove(b)
	b.Release()
	return true
}

// landed counts a batch of the flight that is no longer with the client; the
// last one starts what comes next.
func (q *queue) landed() {
	if q.aloft.Add(-1) > 0 {
		return
	}
	if len(q.alone) > 0 {
		q.resend()
		return
	}
	q.depart()
}

// yields is how often the next flight gives way to what is ready to run: the
// requests that the last one has answered. Those that come next on the same
// connections are then on board, and flights are larger where the processor is
// busy, which costs less of it. Where it is idle, a yield costs nothing.
const yields = 2

// depart mends what has to be mended and starts the next flight.
func (q *queue) depart() {
	if q.mend() {
		return
	}
	for range yields {
		runtime.Gosched()
	}
	q.takeOff()
}

// takeOff hands over the next flight.
func (q *queue) takeOff() {
	if flight := q.board(); flight != nil {
		q.handOver(flight)
	}
}

// board makes the next flight of what waits, and returns it as a list.
func (q *queue) board() *Batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.probe = q.stalled != nil || q.probe && q.bad
	q.stalled, q.bad = nil, false
	now := time.Now()
	var flight, tail *Batch
	var count int32
	records, bytes, most := 0, 0, flightRecords
	if q.probe {
		most = probeRecords
	}
	for q.first != nil {
		b := q.first
		if b.deadline.Sub(now) < leastLeft {
			q.remove(b)
			b.refuse(late())
			continue
		}
		if count > 0 && (records+b.going > most || bytes+b.bytes > flightBytes) {
			break
		}
		q.remove(b)
		count++
		records += b.going
		bytes += b.bytes
		if tail == nil {
			flight = b
		} else {
			tail.next = b
		}
		tail = b
	}
	q.flying, q.tookOff = count > 0, now
	q.single = records == 1
	q.aloft.Store(count)
	return flight
}

// handOver gives a flight, which is a list of batches, to the Kafka client.
func (q *queue) handOver(flight *Batch) {
	c := q.berth.client.Load()
	c.boarding.RLock()
	defer c.boarding.RUnlock()
	for b := flight; b != nil; {
		next := b.next
		b.next = nil
		q.handOverBatch(c, b)
		b = next
	}
}

func (q *queue) handOverBatch(c *client, b *Batch) {
	b.client, b.handed = c, c.seen.mark()
	b.left, b.aloft = b.going, b.going
	for i, going := 0, b.going; going > 0; i++ { // The batch may end, and be another, with the last one.
		s := &b.slots[i]
		if s.done.Load() {
			continue
		}
		going--
		c.kafka.TryProduce(s, &s.record, ended)
	}
}

// ended is the client's promise for every record. It runs on the client's one
// goroutine for promises, so it must not block.
func ended(r *kgo.Record, err error) {
	s := r.Context.(*slot) //nolint:forcetypeassert // Set at the hand-over.
	b := s.batch
	q := b.queue
	b.aloft--
	landed := b.aloft == 0
	var failure *Error
	if err != nil {
		failure = classify(err, b.client.seen.since(b.handed))
		q.failed(err)
		if !s.again && !q.single && resendable(failure, err) {
			s.again = true
			q.alone = append(q.alone, s)
			if landed {
				q.landed()
			}
			return
		}
	}
	if failure != nil {
		q.bad = q.bad || failure.Outcome == Unknown
		b.writer.metrics.count(failure)
	}
	q.metrics.ended(r, failure)
	s.err = failure
	s.done.Store(true)
	b.left--
	if b.left == 0 {
		b.end()
	}
	if landed {
		q.landed()
	}
}

// stall refuses what waits, and what comes until the flight has landed, if the
// flight took off before the given time. It reports whether it did.
func (q *queue) stall(before time.Time, reason *Error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.flying || q.stalled != nil || q.tookOff.After(before) {
		return false
	}
	q.stalled = reason
	for q.first != nil {
		b := q.first
		q.remove(b)
		b.refuse(reason)
	}
	return true
}

// stuck returns the reason while the queue refuses records, else nil.
func (q *queue) stuck() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stalled != nil {
		return q.stalled
	}
	return nil
}

func late() *Error {
	return refuse(Late, "the record waited for Kafka until its deadline and was withdrawn")
}

func (q *queue) push(b *Batch) {
	b.queued, b.prev, b.next = true, q.last, nil
	if q.last == nil {
		q.first = b
	} else {
		q.last.next = b
	}
	q.last = b
}

func (q *queue) remove(b *Batch) {
	if b.prev == nil {
		q.first = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		q.last = b.prev
	} else {
		b.next.prev = b.prev
	}
	b.queued, b.prev, b.next = false, nil, nil
}
