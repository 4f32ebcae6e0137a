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

// partition is one assignment of a partition to this member: a queue, the
// goroutine that works it off, and the position up to which all is handled.
// The same partition, lost and assigned again, is a new one.
//
// Its life is: active → stopped (takes no further record; the one in work may
// finish and counts) → fenced (nothing counts any more). What it knows is
// guarded by mu; the queue and the position are changed by its own goroutine
// and by the poll loop.
type partition struct {
	topicPartition
	group *Group
	// ctx is the handler's; it ends when the partition is fenced.
	ctx    context.Context
	cancel context.CancelFunc
	// stopping is closed when the partition is stopped, done when its
	// goroutine has ended.
	stopping chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	filled  *sync.Cond // the queue has something, or stopped is set
	queue   queue
	states  states
	stopped bool
	fenced  bool
	// suspended is not nil while we do not know whether the partition is
	// ours, and is closed when it is. See lost.
	suspended chan struct{}

	// located is set once position and next are known.
	located bool
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
	topicID  [16]byte

	// full and held are the two reasons to pause the fetching of it.
	full, held, paused bool
}

// newPartition returns a partition whose goroutine runs until it is stopped.
func newPartition(g *Group, tp topicPartition, memberID string) *partition {
	p := &partition{
		topicPartition: tp,
		group:          g,
		stopping:       make(chan struct{}),
		done:           make(chan struct{}),
		memberID:       memberID,
	}
	p.filled = sync.NewCond(&p.mu)
	p.ctx, p.cancel = context.WithCancel(g.base)
	g.work.Go(p.run)
	return p
}

// run hands out the records one after the other. In which order
// the records of a partition are handled is decided here and nowhere else.
func (p *partition) run() {
	defer close(p.done)
	for {
		b, ok := p.take()
		if !ok {
			return
		}
		if b.records == nil {
			p.jump(b.jump)
			continue
		}
		seen := views(b.records)
		for i, r := range b.records {
			if !p.begin(r) || !p.handle(r, &seen[i]) {
				return
			}
			p.finish(r)
		}
	}
}

// handle gives a record to the handler until it succeeds, and reports whether
// it has; it has not when the partition was stopped while the handler failed.
func (p *partition) handle(r *kgo.Record, view *record.Record) bool {
	if r.Attrs.IsControl() {
		return true // A transaction's marker only moves the position.
	}
	for {
		failed := attempt(p.ctx, p.group.config.Timeout, func(ctx context.Context) error { return p.group.handler.Handle(ctx, view) })
		if failed == nil {
			return true
		}
		if p.ctx.Err() != nil {
			return false // Fenced: it was told to give up.
		}
		p.group.handlerFailed(p.topicPartition, r.Offset, failed)
		p.retrying(true)
		select {
		case <-p.stopping:
			return false
		case <-time.After(retryEvery):
		}
		p.retrying(false)
	}
}

// push adds what was fetched to the queue.
func (p *partition) push(b batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	p.queue.push(b)
	for _, r := range b.records {
		if !r.Attrs.IsControl() {
			p.states.in++
			p.states.queued++
		}
		p.next = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
	}
	if b.records == nil {
		p.next = b.jump
	}
	p.full = p.full || p.queue.full()
	p.flow()
	p.filled.Signal()
}

// take waits for something in the queue; it reports false once the partition
// is stopped.
func (p *partition) take() (batch, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && len(p.queue.batches) == 0 {
		p.filled.Wait()
	}
	if p.stopped {
		return batch{}, false
	}
	return p.queue.take(), true
}

// begin puts a record in work, unless the partition is stopped.
func (p *partition) begin(r *kgo.Record) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	if !r.Attrs.IsControl() {
		p.states.queued--
		p.states.running++
	}
	return true
}

// finish moves the position past a record. After the fence it does nothing.
func (p *partition) finish(r *kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	if !r.Attrs.IsControl() {
		p.states.running--
		p.states.ok++
	}
	p.position = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
	p.queue.done(r)
	if p.full && p.queue.low() {
		p.full = false
		p.flow()
	}
}

// jump moves the position to where the log goes on.
func (p *partition) jump(to kgo.EpochOffset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = to
}

func (p *partition) retrying(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.fenced:
	case on:
		p.states.running--
		p.states.retrying++
	default:
		p.states.retrying--
		p.states.running++
	}
}

// stop lets the partition take no further record. A wait for a retry ends.
func (p *partition) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	close(p.stopping)
	p.filled.Broadcast()
}

// fence ends the assignment: the handler's context ends, and what finishes
// later does not count. It returns the final count of its records.
func (p *partition) fence() states {
	p.stop()
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return states{}
	}
	p.fenced = true
	p.queue = queue{}
	p.full, p.held = false, false
	p.flow() // A pause would outlive the assignment.
	s := p.states
	s.returned += s.queued + s.running + s.retrying
	s.queued, s.running, s.retrying = 0, 0, 0
	p.states = states{}
	return s
}
