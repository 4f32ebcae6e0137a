package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/record"
)

func TestAHoldStopsTheHandlerForAllAndIsNoAttempt(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		var down atomic.Bool
		down.Store(true)
		var calls times
		m := w.join(func(context.Context, *record.Record) error {
			calls.note()
			if down.Load() {
				return consumer.Hold(errors.New("endpoint is down"), 10*time.Second)
			}
			return nil
		}, attempts(1), ordered(consumer.OrderKey), concurrency(1))
		w.produce(0, "a")
		w.eventually("held", func() bool { return m.metric("held") == 1 })
		begun := time.Now()
		for _, key := range []string{"x", "y", "z"} {
			w.produceKey(1, key, key)
		}
		w.pass(5 * time.Second)
		require.Equal(t, 1, calls.count(), "nobody is given a record")
		s := m.Status()
		require.Equal(t, "endpoint is down", s.Held)
		within(t, s.HeldUntil.Sub(begun), 9*time.Second, 10*time.Second)
		require.Equal(t, int64(4), s.Records.Queued)
		require.Zero(t, s.Records.Retrying+s.Records.Running)
		require.Equal(t, 1, w.log.count(`msg="handler is held"`))
		require.Zero(t, w.log.count("Error in consumer loop"))
		w.pass(time.Minute)
		require.Equal(t, float64(calls.count()), m.metric(`handler_errors_total{kind="hold"}`))
		require.InDelta(t, 7, calls.count(), 1, "one try every ten seconds")
		require.Equal(t, calls.count(), w.log.count(`msg="handler is held"`), "each hold is told once")
		down.Store(false)
		w.eventually("all handled", w.seen.all)
		require.Zero(t, m.metric("held"))
		require.Empty(t, m.Status().Held)
		require.True(t, m.Status().HeldUntil.IsZero())
		require.Zero(t, m.metric("records_dead_total"), "it was no attempt")
		m.addsUp()
	})
}

// Records that were in work when the handler was held end as they end, and what
// they say can only make it longer.
func TestAHoldLetsWhatIsInWorkEndAndGrows(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		g := newGate()
		var first atomic.Bool
		m := w.join(func(ctx context.Context, r *record.Record) error {
			if err := g.work(ctx, r); err != nil {
				return err
			}
			if first.Load() {
				return nil
			}
			switch string(r.Value) {
			case "short":
				return consumer.Hold(errors.New("short"), 10*time.Second)
			case "long":
				return consumer.Hold(errors.New("long"), minute)
			case "shorter":
				return consumer.Hold(errors.New("shorter"), time.Second)
			}
			return nil
		}, ordered(consumer.OrderNone))
		w.produce(0, "short", "long", "shorter", "good")
		g.holds(w, "good", "long", "short", "shorter")
		g.let("short")
		w.eventually("held", func() bool { return m.Status().Held == "short" })
		g.let("good")
		w.eventually("the good one is handled", func() bool { return m.metric("records_ok_total") == 1 })
		g.let("long")
		w.eventually("held for longer", func() bool { return m.Status().Held == "long" })
		until := m.Status().HeldUntil
		g.let("shorter")
		w.pass(30 * time.Second)
		require.Equal(t, "long", m.Status().Held)
		require.Equal(t, until, m.Status().HeldUntil)
		require.Equal(t, 1.0, m.metric("held"), "the first hold would be over")
		require.Equal(t, 1, w.log.count(`msg="handler is held"`))
		first.Store(true)
		w.pass(minute)
		require.Zero(t, m.metric("held"))
		w.eventually("all handled", w.seen.all)
		w.eventually("all committed", func() bool { return w.committed(0) == 4 })
		m.addsUp()
	})
}

func TestAHoldDelaysNeitherDrainNorRebalance(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		hold := func(context.Context, *record.Record) error {
			return consumer.Hold(errors.New("down"), time.Hour)
		}
		a := w.join(hold)
		w.produce(0, "a", "b")
		w.produce(1, "a", "b")
		w.eventually("held", func() bool { return a.metric("held") == 1 })
		start := time.Now()
		b := w.join(nil)
		w.eventually("handed over", func() bool { return b.metric("partitions") == 1 && a.metric("partitions") == 1 })
		require.Less(t, time.Since(start), 5*time.Second)
		require.Equal(t, 2.0, a.metric("records_returned_total"))
		start = time.Now()
		require.NoError(t, a.stop())
		require.Less(t, time.Since(start), time.Second)
		require.Equal(t, 4.0, a.metric("records_returned_total"))
		a.addsUp()
		w.eventually("all handled", w.seen.all)
	})
}

func TestAHoldForNoTimeDoesNotSpin(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var calls times
		w.join(func(context.Context, *record.Record) error {
			calls.note()
			return consumer.Hold(errRefused, -time.Second)
		}, concurrency(1))
		w.produce(0, "a")
		w.pass(10 * time.Second)
		require.InDelta(t, 1000, calls.count(), 20)
	})
}
