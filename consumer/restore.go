package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/record"
)

// restoreEvery is the pause after a state that could not be restored.
const restoreEvery = time.Second

// opening is a partition's way to its state, on which no record is begun: what
// is fetched waits.
type opening struct {
	parked []*lane            // ready, but for the state
	cancel context.CancelFunc // of the tries
	err    error              // why the last of them has failed
}

// why says what the partition waits for.
func (o *opening) why(t *table) string {
	if o.err != nil {
		return o.err.Error()
	}
	return "its state is read from table " + t.name
}

// stateful reports whether the partition has a state that the handler could
// have left in pieces.
func (p *partition) stateful() bool { return p.group.stateful != nil && p.source == "" }

// begin has the state restored. It is called when the position is known.
func (o *opening) begin(p *partition) {
	if p.stopped {
		return
	}
	var ctx context.Context
	ctx, o.cancel = context.WithCancel(p.ctx)
	p.group.work.Go(func() { p.open(ctx) })
}

// open restores the state of the partition, however often it takes, and then
// lets the handler begin.
func (p *partition) open(ctx context.Context) {
	for {
		s, n, err := p.restored(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			p.group.log.InfoContext(ctx, "state restored", slog.String("topic", p.topic), slog.Int("partition", int(p.id)), slog.Int("records", n))
			p.opened(s)
			return
		case !errors.Is(err, errCreated):
			err = fmt.Errorf("restore the state of %s/%d from table %s: %w", p.topic, p.id, p.group.table.name, err)
			p.group.errors.say("table "+p.topic, err, slog.String("topic", p.topic), slog.Int("partition", int(p.id)))
			p.mu.Lock()
			p.opening.err = err
			p.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(restoreEvery):
		}
	}
}

// restored returns a new state with all that the table has of it, and how many
// records that were.
func (p *partition) restored(ctx context.Context) (s State, n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errPanic, v)
		}
	}()
	s = p.group.stateful.Open(p.id)
	err = p.group.table.read(ctx, p.id, func(r *record.Record) error {
		n++
		return s.Restore(r)
	})
	return s, n, err
}

// opened gives what has waited for the state to the pool.
func (p *partition) opened(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.transform = s.Handle
	parked := p.opening.parked
	p.opening = nil
	if p.stopped || p.halted != nil {
		return
	}
	for _, l := range parked {
		p.ready(l)
	}
}

// pin has states written to where they are restored from.
func (p *partition) pin(e *entry) {
	for _, r := range e.results {
		switch {
		case p.group.stateful == nil:
		case p.source != "":
			r.Partition = e.record.Partition
		case r.Topic == p.group.table.name:
			r.Partition = p.id
		}
	}
}

// again is the Transform of the redriven dead letters of a Stateful: they come
// again at the end of their topic, where their states are.
func (p *partition) again(_ context.Context, r *record.Record) ([]record.Record, error) {
	return []record.Record{{Topic: p.source, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}}, nil
}
