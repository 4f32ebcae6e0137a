package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/record"
)

// lazily takes as long as the key says.
func lazily(ctx context.Context, r *record.Record) error {
	d, err := time.ParseDuration(string(r.Key))
	if err != nil {
		return err
	}
	return slowly(d)(ctx, r)
}

func TestARevokeWaitsForAllLanesInWork(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a := w.join(lazily, ordered(consumer.OrderKey))
		for p := range int32(2) {
			for _, d := range []string{"2s", "8s", "5s"} {
				w.produceKey(p, d, "first")
			}
			w.produceKey(p, "2s", "queued")
		}
		w.eventually("in work", func() bool { return a.metric("records_running") == 6 })
		start := time.Now()
		b := w.join(nil)
		w.eventually("shared", func() bool { return a.metric("partitions") == 1 && b.metric("partitions") == 1 })
		within(t, time.Since(start), 7*time.Second, 10*time.Second)
		require.Contains(t, w.log.String(), "still_busy=0")
		w.eventually("all handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		require.LessOrEqual(t, a.metric("records_returned_total"), 1.0, "what was queued")
		a.addsUp()
		b.addsUp()
	})
}

func TestARevokeDoesNotWaitForRetries(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a := w.join(func(context.Context, *record.Record) error { return consumer.RetryAfter(errRefused, time.Hour) }, ordered(consumer.OrderKey))
		for p := range int32(2) {
			w.produceKey(p, "a", "r")
			w.produceKey(p, "b", "r")
		}
		w.eventually("wait", func() bool { return a.metric("records_retrying") == 4 })
		start := time.Now()
		b := w.join(nil)
		w.eventually("shared", func() bool { return a.metric("partitions") == 1 && b.metric("partitions") == 1 })
		require.Less(t, time.Since(start), 5*time.Second)
		require.Equal(t, 2.0, a.metric("records_returned_total"))
		require.Equal(t, 2.0, a.metric("records_retrying"))
		require.NoError(t, a.stop())
		w.eventually("all handled", w.seen.all)
		a.addsUp()
		b.addsUp()
	})
}

// A failure, a success and one that is given up, all after the fence.
func TestNothingThatEndsAfterTheFenceCounts(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		w.mayBury()
		release := make(chan struct{})
		a := w.join(func(_ context.Context, r *record.Record) error {
			<-release // Deaf to its context.
			switch string(r.Key) {
			case "fails":
				return errRefused
			case "given up":
				return consumer.Permanent(errRefused)
			case "panics":
				panic("late")
			case "holds":
				return consumer.Hold(errRefused, time.Hour)
			}
			return nil
		}, ordered(consumer.OrderKey))
		for p := range int32(2) {
			for _, key := range []string{"succeeds", "fails", "given up", "panics", "holds"} {
				w.produceKey(p, key, key)
			}
		}
		w.eventually("in work", func() bool { return a.metric("records_running") == 10 })
		b := w.join(nil)
		w.eventually("shared", func() bool { return a.metric("partitions") == 1 && b.metric("partitions") == 1 })
		require.Equal(t, 5.0, a.metric("records_returned_total"))
		in := a.Status().Records
		require.ErrorContains(t, a.stop(), "still busy")
		require.Equal(t, 10.0, a.metric("records_returned_total"))
		close(release)
		w.pass(minute)
		require.Equal(t, consumer.States{In: in.In, Returned: in.In}, a.Status().Records)
		require.Nil(t, w.cluster.TopicInfo(dlq))
		require.Zero(t, w.log.count("Error in consumer loop"))
		require.Zero(t, w.log.count("handler is held"))
		w.eventually("all handled", w.seen.all)
		a.addsUp()
		b.addsUp()
	})
}

// Lanes fail in one way or another after their partition has begun to be handed
// over.
func TestLanesMayFailWhileTheirPartitionIsHandedOver(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(func(ctx context.Context, r *record.Record) error {
			if err := lazily(ctx, r); err != nil {
				return err
			}
			if string(r.Value) == "bad" {
				return consumer.Permanent(errRefused)
			}
			return errRefused
		}, ordered(consumer.OrderKey), stops)
		w.produceKey(0, "2s", "failing")
		w.produceKey(0, "3s", "bad")
		w.produceKey(0, "4s", "failing")
		w.eventually("in work", func() bool { return m.metric("records_running") == 3 })
		require.NoError(t, m.stop())
		require.Equal(t, 3.0, m.metric("records_returned_total"))
		m.addsUp()
	})
}
