package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/record"
)

// topicPartition names a partition.
type topicPartition struct {
	topic string
	id    int32
}

func (tp topicPartition) list() map[string][]int32 {
	return map[string][]int32{tp.topic: {tp.id}}
}

// partition is one assignment of a partition to this member: its window, its
// lanes, and the position up to which all is handled. The same partition, lost
// and assigned again, is a new one.
//
// Its life is: active → stopped (begins no further record; those in work may
// finish and count) → fenced (nothing counts any more). Its lock guards all
// that follows it, and its lanes.
type partition struct {
	topicPartition
	group *Group
	// source is the topic whose redriven dead letters it has; else empty.
	source string
	// ctx is the handler's; it ends when the partition is fenced.
	ctx    context.Context
	cancel context.CancelFunc
	// stopping is closed when the partition is stopped, done when nothing of
	// it is in work any more.
	stopping chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	window  window
	lane    lane             // the only one, with OrderPartition
	lanes   map[string]*lane // with OrderKey: those that have records
	busy    map[*lane]bool   // with a worker, or on their way to the dead letters
	waiting map[*lane]bool   // for the next attempt
	results results          // of a handler that makes records
	// transform makes them. opening is not nil until there is one.
	transform Transform
	opening   *opening
	states    States
	stopped   bool
	fenced    bool
	// halted says why nothing more is handled, where OnFailure says Stop or a
	// dead letter was refused.
	halted error
	// suspended is not nil while we do not know whether the partition is
	// ours, and is closed when it is. See lost.
	suspended chan struct{}

	// located is set once position and next are known, placed once the client
	// has asked, in this session, where to fetch from.
	located, placed bool
	// position is the offset before which all is handled, with the leader
	// epoch of the record before it; next is the offset that is fetched next.
	position kgo.EpochOffset
	next     kgo.EpochOffset
	// committed is what the group has for this partition, where hasCommit.
	committed kgo.EpochOffset
	hasCommit bool
	// memberID is who we were in the group when the partition was last known
	// to be ours, topicID the topic that the position is one of.
	memberID string
	topicID  record.TopicID

	// full and held are reasons to pause the fetching of it, as halted is.
	full, held, paused bool
}

// newPartition returns a partition that has nothing to do yet.
func newPartition(g *Group, tp topicPartition, memberID string) *partition {
	p := &partition{
		topicPartition: tp,
		group:          g,
		source:         g.sourceOf(tp.topic),
		stopping:       make(chan struct{}),
		done:           make(chan struct{}),
		lanes:          map[string]*lane{},
		busy:           map[*lane]bool{},
		waiting:        map[*lane]bool{},
		memberID:       memberID,
		transform:      g.transform,
	}
	switch {
	case g.stateful == nil:
	case p.source != "":
		p.transform = p.again
	default:
		p.opening = &opening{}
	}
	p.lane.partition = p
	p.ctx, p.cancel = context.WithCancel(g.base)
	return p
}

// push adds what was fetched to the window and the lanes.
func (p *partition) push(records []*kgo.Record) {
	entries := p.entries(records)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	p.next = entries[len(entries)-1].after()
	p.window.push(batch{entries: entries})
	for i := range entries {
		e := &entries[i]
		if e.ended {
			continue
		}
		p.states.In++
		p.states.Queued++
		l := p.laneOf(e)
		l.push(e)
		if l.first == e { // It had nothing to do.
			p.ready(l)
		}
	}
	p.advance() // Over what has nothing to be handled.
	p.full = p.full || p.crowded()
	p.flow()
}

// jump moves the position to where the log goes on, once all before is handled.
func (p *partition) jump(to kgo.EpochOffset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	p.next = to
	p.window.push(batch{jump: to})
	p.advance()
}

// entries are the records as the window has them.
func (p *partition) entries(records []*kgo.Record) []entry {
	p.mu.Lock()
	topicID := p.topicID
	p.mu.Unlock()
	entries := make([]entry, len(records))
	for i, r := range records {
		e := &entries[i]
		e.kafka = r
		if e.control() { // A transaction's marker only moves the position.
			e.ended = true
			continue
		}
		e.record = view(r, topicID)
		if p.source != "" {
			e.ended = !p.restore(e)
		}
	}
	return entries
}

// handle has the handler work on a lane: until it is empty, its first record has
// to wait, or another lane waits for a worker.
func (g *Group) handle(l *lane) {
	p := l.partition
	for e := p.begin(l); e != nil; {
		e = p.settle(l, attempt(p.ctx, g.config.Timeout, p.call, e))
	}
}

// begin puts the first record of a lane in work, unless the partition is to
// begin no more.
func (p *partition) begin(l *lane) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.halted != nil || l.first == nil {
		return nil
	}
	p.busy[l] = true
	return p.start(l, time.Now())
}

// start counts the first record of a lane, which is busy, as in work.
func (p *partition) start(l *lane, now time.Time) *entry {
	p.states.Queued--
	p.states.Running++
	l.began = now
	return l.first
}

// settle notes what became of an attempt, and returns the next record of the
// lane for the worker, or nil.
func (p *partition) settle(l *lane, failed *failure) *entry {
	now := time.Now()
	p.group.metrics.attempts.Observe(now.Sub(l.began).Seconds())
	if failed != nil {
		p.failed(l, failed)
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return nil
	}
	p.finish(l, &p.states.OK)
	if l.first == nil || p.stopped || p.halted != nil || p.group.pool.contended() {
		p.rest(l)
		return nil
	}
	return p.start(l, now)
}

// finish ends the first record of a lane in the given state. One of which
// records were made ends with their transaction.
func (p *partition) finish(l *lane, state *int64) {
	e := l.first
	e.ended = true
	l.pop()
	if p.group.transactor != nil && state == &p.states.OK {
		e.uncommitted = true
	} else {
		p.states.Running--
		*state++
	}
	p.advance()
	p.relax()
}

// relax has the partition fetched again once there is room.
func (p *partition) relax() {
	if p.full && p.roomy() {
		p.full = false
		p.flow()
	}
}

// advance moves the position over what has ended.
func (p *partition) advance() {
	var left func(*entry)
	if p.group.transactor != nil {
		left = p.results.add
	}
	if to, moved := p.window.advance(left); moved {
		p.position = to
		if left != nil {
			p.group.commits.soon()
		}
	}
}

// rest takes a lane away from its worker, or from what it waited for.
func (p *partition) rest(l *lane) {
	delete(p.busy, l)
	delete(p.waiting, l)
	switch {
	case l.first == nil:
		if p.lanes[l.key] == l { // The lane of a refused result is none of them.
			delete(p.lanes, l.key)
		}
	case !p.stopped && p.halted == nil:
		p.ready(l)
	}
	p.quiet()
}

// ready hands a lane to the pool, as soon as there is what works on it.
func (p *partition) ready(l *lane) {
	if p.opening != nil {
		p.opening.parked = append(p.opening.parked, l)
		return
	}
	p.group.pool.add(l, false)
}

// quiet closes done once the partition is stopped and nothing is in work.
func (p *partition) quiet() {
	if p.stopped && len(p.busy) == 0 {
		select {
		case <-p.done:
		default:
			close(p.done)
		}
	}
}

// stop lets the partition begin no further record. Waits for another attempt
// end.
func (p *partition) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	close(p.stopping)
	if p.opening != nil && p.opening.cancel != nil {
		p.opening.cancel()
	}
	for l := range p.waiting {
		l.wake()
	}
	p.quiet()
}

// fence ends the assignment: the handler's context ends, and what finishes
// later does not count. It returns the final count of its records.
func (p *partition) fence() States {
	p.stop()
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return States{}
	}
	p.fenced = true
	p.full, p.held, p.halted = false, false, nil
	p.flow() // A pause would outlive the assignment.
	s := p.states
	s.Returned += s.Queued + s.Running + s.Retrying
	s.Queued, s.Running, s.Retrying = 0, 0, 0
	p.states = States{}
	return s
}

// crowded and roomy say when the partition is not to be fetched, and when it is
// again.
func (p *partition) crowded() bool { return p.window.full() || p.results.bytes > maxWindowBytes }

func (p *partition) roomy() bool { return p.window.low() && p.results.bytes <= maxWindowBytes/2 }

func (p *partition) isFenced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fenced
}

// hold pauses or resumes the fetching for a reason that is not the window: the
// offset to fetch from is looked for, or the last fetch was refused. It reports
// whether that changed anything.
func (p *partition) hold(on bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced || p.held == on {
		return false
	}
	p.held = on
	p.flow()
	return true
}

// flow makes the client fetch the partition or not, as the reasons say. It is
// called under the lock so that a pause and a resume cannot overtake each
// other; the client never calls us with a lock that it takes here.
func (p *partition) flow() {
	switch pause := p.full || p.held || p.halted != nil; {
	case pause && !p.paused:
		p.group.client.PauseFetchPartitions(p.list())
		p.paused = true
	case !pause && p.paused:
		p.group.client.ResumeFetchPartitions(p.list())
		p.paused = false
	}
}
