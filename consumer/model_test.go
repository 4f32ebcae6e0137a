package consumer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"sluice/consumer"
	"sluice/record"
)

// model is what a handler may see: it is told of each attempt, and fails the
// test where records that have to wait for each other do not.
type model struct {
	t     *testing.T
	order consumer.Order

	mu    sync.Mutex
	lanes map[laneKey]*laneSeen
}

// laneKey is a lane of one assignment, which has a context of its own.
type laneKey struct {
	assignment <-chan struct{}
	topic      string
	partition  int32
	key        string
}

type laneSeen struct {
	busy bool
	last int64
	done bool // the last one has succeeded
}

func newModel(t *testing.T, order consumer.Order) *model {
	return &model{t: t, order: order, lanes: map[laneKey]*laneSeen{}}
}

// watch makes a handler that tells the model of its attempts.
func (m *model) watch(work consumer.HandlerFunc) consumer.HandlerFunc {
	return func(ctx context.Context, r *record.Record) error {
		lane := m.begin(ctx, r)
		defer func() { m.end(lane, false) }()
		err := work(ctx, r)
		if err == nil {
			m.end(lane, true)
		}
		return err
	}
}

func (m *model) begin(ctx context.Context, r *record.Record) *laneSeen {
	if m.order == consumer.OrderNone {
		return nil
	}
	key := laneKey{assignment: ctx.Done(), topic: r.Topic, partition: r.Partition}
	if m.order == consumer.OrderKey {
		key.key = string(r.Key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	lane := m.lanes[key]
	if lane == nil {
		lane = &laneSeen{last: -1}
		m.lanes[key] = lane
	}
	what := ""
	switch {
	case lane.busy:
		what = "is handled while another one of its lane is"
	case r.Offset < lane.last:
		what = fmt.Sprintf("is handled after offset %d of its lane", lane.last)
	case r.Offset == lane.last && lane.done:
		what = "is handled again in the same assignment"
	}
	if what != "" {
		m.t.Errorf("%s/%d offset %d key %q %s", r.Topic, r.Partition, r.Offset, r.Key, what)
	}
	lane.busy, lane.last, lane.done = true, r.Offset, false
	return lane
}

func (m *model) end(lane *laneSeen, done bool) {
	if lane == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	lane.busy = false
	lane.done = lane.done || done
}
