package consumer_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/record"
)

const minute = time.Minute

var errRefused = errors.New("refused")

func TestAFailingRecordIsTriedAgainAndHoldsItsPartitionOnly(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		var broken atomic.Bool
		broken.Store(true)
		m := w.join(func(_ context.Context, r *record.Record) error {
			if r.Partition == 0 && r.Offset == 2 && broken.Load() {
				return errRefused
			}
			return nil
		})
		w.produce(0, numbered("held", 0, 5)...)
		w.produce(1, numbered("free", 0, 5)...)
		w.eventually("the other one is done", func() bool { return w.committed(1) == 5 })
		w.pass(10 * minute)
		require.Equal(t, []int64{0, 1}, w.seen.of(0))
		require.Equal(t, int64(2), w.committed(0))
		require.NoError(t, m.Ready(), "a failing handler is not a group that is not joined")
		require.Equal(t, 1.0, m.metric("records_retrying"))
		require.Equal(t, 2.0, m.metric("records_queued"))
		m.addsUp()
		tries := w.log.count(`msg="Error in consumer loop: refused"`)
		require.Greater(t, tries, 118, "a try every five seconds, or sooner")
		require.Less(t, tries, 250, "and not sooner than every two and a half")
		require.InDelta(t, float64(tries), m.metric(`handler_errors_total{kind="error"}`), 0)

		w.produce(1, "meanwhile")
		w.eventually("the other one goes on", func() bool { return w.committed(1) == 6 })
		broken.Store(false)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, []int64{0, 1, 2, 3, 4}, w.seen.of(0))
		w.eventually("all committed", func() bool { return w.committed(0) == 5 })
	})
}

func TestAWaitForARetryEndsWithTheProgram(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(func(context.Context, *record.Record) error { return errRefused })
		w.produce(0, "a", "b")
		w.eventually("tried", func() bool { return m.metric("records_retrying") == 1 })
		start := time.Now()
		require.NoError(t, m.stop())
		require.Less(t, time.Since(start), time.Second, "of fake time")
		require.Equal(t, int64(0), w.committed(0))
		require.Equal(t, 2.0, m.metric("records_returned_total"))
		m.addsUp()
	})
}

// A handler that stalls must cost neither the memory for what comes behind nor
// the other partitions.
func TestAStalledHandlerBoundsItsQueueAndHoldsNobodyElse(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		release := make(chan struct{})
		m := w.join(func(_ context.Context, r *record.Record) error {
			if r.Partition == 0 {
				<-release
			}
			return nil
		})
		const records = 100_000
		w.flood(0, records)
		w.eventually("the queue is full", func() bool { return m.metric("records_queued") >= 10_000 }) // Beside the one that runs.
		w.pass(minute)
		require.Less(t, m.metric("records_queued"), 60_000.0, "a bound and a fetch")
		for range 10 {
			w.produce(1, "free")
			w.eventually("the other one goes on", func() bool { return len(w.seen.missingBelow(1, 100)) == 0 })
		}
		require.Equal(t, int64(0), w.committed(0))
		close(release)
		w.eventually("all handled", w.seen.all)
		w.eventually("all committed", func() bool { return w.committed(0) == records })
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		require.True(t, slices.IsSorted(w.seen.of(0)))
	})
}
