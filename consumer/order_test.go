package consumer_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/record"
)

func TestKeysAreHandledAtTheSameTimeAndEachInOrder(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		g, model := newGate(), newModel(t, consumer.OrderKey)
		m := w.join(model.watch(g.work), ordered(consumer.OrderKey))
		w.produceKey(0, "a", "a1")
		w.produceKey(0, "b", "b1")
		w.raw(&kgo.Record{Value: []byte("null")}, &kgo.Record{Key: []byte{}, Value: []byte("empty")})
		w.produceKey(0, "\xff\xfe", "bytes1")
		w.produceKey(0, "\xff\xff", "bytes2")
		w.produceKey(0, "a", "a2")
		w.produceKey(0, "b", "b2")
		g.holds(w, "a1", "b1", "null", "bytes1", "bytes2")
		require.Equal(t, 5, m.partition(0).Lanes)
		g.let("b1", "bytes2")
		g.holds(w, "a1", "b2", "null", "bytes1")
		g.let("null") // One without a key and one whose key is empty have one in common.
		g.holds(w, "a1", "b2", "empty", "bytes1")
		require.Equal(t, int64(0), w.committed(0), "the oldest one is in work")
		require.Equal(t, int64(3), m.partition(0).Records.OK)
		g.let("a1", "a2", "empty", "bytes1")
		w.eventually("all but the last", func() bool { return w.committed(0) == 7 })
		g.holds(w, "b2")
		require.Equal(t, 1, m.partition(0).Lanes)
		g.let("b2")
		w.eventually("all committed", func() bool { return w.committed(0) == 8 })
		require.Equal(t, 0, m.partition(0).Lanes, "nothing is kept of a key that has no records")
		m.addsUp()
	})
}

func TestWithoutOrderRecordsOfOneKeyAreHandledAtTheSameTime(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		g := newGate()
		m := w.join(g.work, ordered(consumer.OrderNone))
		for _, value := range []string{"r0", "r1", "r2", "r3"} {
			w.produceKey(0, "k", value)
		}
		g.holds(w, "r0", "r1", "r2", "r3")
		require.Equal(t, 4, m.partition(0).Lanes)
		g.let("r0", "r3", "r2")
		g.holds(w, "r1")
		w.eventually("up to the oldest that is in work", func() bool { return w.committed(0) == 1 })
		g.let("r1")
		w.eventually("all committed", func() bool { return w.committed(0) == 4 })
	})
}

func TestPartitionsAreHandledAtTheSameTimeAndEachInOrder(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		g := newGate()
		m := w.join(g.work, ordered(consumer.OrderPartition))
		w.produceKey(0, "a", "a0")
		w.produceKey(0, "b", "b0")
		w.produceKey(1, "c", "c1")
		w.produceKey(1, "d", "d1")
		g.holds(w, "a0", "c1")
		require.Equal(t, 1, m.partition(0).Lanes)
		g.let("a0")
		g.holds(w, "b0", "c1")
		g.let("b0", "c1", "d1")
		w.eventually("all committed", func() bool { return w.committed(0) == 2 && w.committed(1) == 2 })
	})
}

func TestConcurrencyBoundsWhatIsInWork(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		g := newGate()
		m := w.join(g.work, ordered(consumer.OrderNone), concurrency(3))
		values := numbered("r", 0, 20)
		w.produce(0, values[:10]...)
		w.produce(1, values[10:]...)
		w.eventually("in work", func() bool { return len(g.inside()) == 3 })
		require.Equal(t, 3.0, m.metric("records_running"))
		require.Equal(t, 17.0, m.metric("records_queued"))
		g.let(values...)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, 3, g.most)
	})
}

// One partition with a long queue must not keep the worker for itself.
func TestEveryLaneHasItsTurn(t *testing.T) {
	for _, order := range []consumer.Order{consumer.OrderPartition, consumer.OrderKey, consumer.OrderNone} {
		t.Run(string(order), func(t *testing.T) {
			inWorld(t, 2, func(_ *testing.T, w *world) {
				g := newGate()
				m := w.join(g.work, ordered(order), concurrency(1))
				values := numbered("long", 0, 50)
				for _, value := range values {
					w.produceKey(0, "k", value)
				}
				w.eventually("queued", func() bool { return m.metric("records_queued") == 49 })
				w.produce(1, "short", "shorter")
				w.eventually("queued", func() bool { return m.metric("records_queued") == 51 })
				if order == consumer.OrderNone { // Each record is a lane: first come, first served.
					g.let(values...)
					g.holds(w, "short")
					g.let("short", "shorter")
					return
				}
				g.let(values[0])
				g.holds(w, "short")
				g.let("short")
				g.holds(w, values[1])
				g.let(values[1])
				g.holds(w, "shorter")
				g.let("shorter")
				g.let(values[2:]...)
				w.eventually("all handled", w.seen.all)
			})
		})
	}
}

// What is behind a key that is stuck is handled, as far as the window reaches,
// and no more is fetched than that.
func TestAKeyThatIsStuckBoundsTheWindow(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		stuck := make(chan struct{})
		m := w.join(func(_ context.Context, r *record.Record) error {
			if string(r.Key) == "stuck" {
				<-stuck
			}
			return nil
		}, ordered(consumer.OrderKey))
		const records = 60_000
		w.produceKey(0, "stuck", "first")
		w.floodKeys(0, records, "a", "b", "c", "stuck")
		w.eventually("nothing more comes", func() bool {
			before := m.partition(0).Records.In
			w.pass(minute)
			return before > 10_000 && before == m.partition(0).Records.In
		})
		in := m.partition(0).Records
		require.Less(t, in.In, int64(50_000), "a bound and a fetch")
		require.Greater(t, in.OK, in.In/2, "other keys went on")
		require.Equal(t, int64(0), w.committed(0))
		w.produce(1, "the other partition goes on")
		w.eventually("it does", func() bool { return w.committed(1) == 1 })
		close(stuck)
		w.eventually("all committed", func() bool { return w.committed(0) == records+1 })
		m.addsUp()
		order := w.seen.of(0)
		require.False(t, slices.IsSorted(order))
		slices.Sort(order)
		require.Len(t, slices.Compact(order), len(order), "nothing was handled twice")
	})
}
