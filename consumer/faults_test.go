package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

func TestKafkaMayComeLaterThanTheProgram(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, "waiting")
		w.cut(true)
		m := w.join(nil)
		w.pass(23 * time.Second)
		require.Equal(t, 5, w.log.count(`msg="Kafka not available. Retrying in 5 seconds..."`))
		require.Contains(t, w.log.String(), "connection refused")
		require.ErrorContains(t, m.Ready(), "Kafka is not available")
		require.Zero(t, w.log.count("connected and listening"))
		w.cut(false)
		w.eventually("handled", w.seen.all)
		require.Equal(t, 1, w.log.count(`msg="Kafka consumer connected and listening..."`))
		require.NoError(t, m.Ready())
	})
}

func TestKafkaGoesAwayUnderLoadAndComesBack(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		var away atomic.Pointer[error]
		m := w.join(slowly(50*time.Millisecond), func(_ *consumer.Config, deps *consumer.Deps) {
			deps.Away = func() error {
				if err := away.Load(); err != nil {
					return *err
				}
				return nil
			}
		})
		for range 5 {
			for p := range int32(3) {
				w.produce(p, numbered("load", 0, 100)...)
			}
			w.pass(time.Second)
			err := errors.New("Kafka is away")
			away.Store(&err)
			w.cut(true)
			lines := w.log.count(`msg="Error in consumer loop: Kafka is away"`)
			w.pass(20 * time.Second)
			require.ErrorContains(t, m.Ready(), "away")
			require.Equal(t, 4, w.log.count(`msg="Error in consumer loop: Kafka is away"`)-lines, "every five seconds")
			w.cut(false)
			away.Store(nil)
			w.eventually("handled", w.seen.all)
		}
		w.eventually("ready", func() bool { return m.Ready() == nil })
		w.eventually("committed", func() bool { return w.committed(0) == 500 })
		_, repeats := w.seen.count()
		require.Zero(t, repeats, "no outage was as long as a session")
		m.addsUp()
	})
}

func TestConnectionsThatBreakCostNothing(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		m := w.join(slowly(20 * time.Millisecond))
		for range 30 {
			w.produce(0, numbered("a", 0, 20)...)
			w.produce(1, numbered("b", 0, 20)...)
			w.pass(150 * time.Millisecond)
			w.cut(false)
		}
		w.eventually("handled", w.seen.all)
		w.eventually("committed", func() bool { return w.committed(0) == 600 && w.committed(1) == 600 })
		_, repeats := w.seen.count()
		require.Zero(t, repeats, "the session outlives its connections")
		m.addsUp()
	})
}

// Each kind of request fails for a while, under load, with each kind of error
// that a broker answers in real life.
func TestErrorsOfTheBrokerStopNothing(t *testing.T) {
	faults := []struct {
		key  kmsg.Key
		errs []*kerr.Error
	}{
		{kmsg.OffsetCommit, []*kerr.Error{
			kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.RebalanceInProgress, kerr.IllegalGeneration,
			kerr.UnknownMemberID, kerr.GroupAuthorizationFailed, kerr.UnknownServerError, kerr.RequestTimedOut,
		}},
		{kmsg.Heartbeat, []*kerr.Error{
			kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.UnknownServerError,
		}},
		{kmsg.JoinGroup, []*kerr.Error{kerr.NotCoordinator, kerr.UnknownMemberID, kerr.GroupAuthorizationFailed, kerr.UnknownServerError}},
		{kmsg.SyncGroup, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.UnknownServerError}},
		{kmsg.OffsetFetch, []*kerr.Error{kerr.NotCoordinator, kerr.UnstableOffsetCommit, kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.UnknownServerError}},
		{kmsg.ListOffsets, []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.TopicAuthorizationFailed, kerr.UnknownServerError}},
		{kmsg.Fetch, []*kerr.Error{
			kerr.NotLeaderForPartition, kerr.TopicAuthorizationFailed, kerr.UnknownServerError, kerr.CorruptMessage, kerr.OffsetOutOfRange, kerr.UnknownTopicID,
		}},
	}
	for _, f := range faults {
		for _, err := range f.errs {
			t.Run(f.key.Name()+"/"+err.Message, func(t *testing.T) {
				inWorld(t, 2, func(_ *testing.T, w *world) {
					early := w.fault(f.key, err, 3) // While joining.
					m := w.join(slowly(50 * time.Millisecond))
					for p := range int32(2) {
						w.produce(p, numbered("r", 0, 100)...)
					}
					w.pass(15 * time.Second)
					early.Remove()
					late := w.fault(f.key, err, 10)
					w.pass(15 * time.Second)
					late.Remove()
					other := w.join(slowly(50 * time.Millisecond))
					for p := range int32(2) {
						w.produce(p, numbered("s", 0, 20)...)
					}
					w.eventually("all handled", w.seen.all)
					w.eventually("all committed", func() bool { return w.committed(0) == 120 && w.committed(1) == 120 })
					m.addsUp()
					other.addsUp()
				})
			})
		}
	}
}

// The client drops a partition from its assignment when the offset that the
// group has committed for it is refused.
func TestAPartitionWhoseOffsetIsRefusedIsReadWhenItIsGranted(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Topic: topic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		w.produce(0, "a")
		w.produce(1, "b")
		m := w.join(nil)
		w.pass(minute)
		require.Zero(t, m.metric("records_in_total"))
		require.Positive(t, w.log.count("Error in consumer loop: TOPIC_AUTHORIZATION_FAILED"))
		fault.Remove()
		w.eventually("handled", w.seen.all)
		m.addsUp()
	})
}

// The same when a member comes back, whose position is known.
func TestAPartitionThatComesBackIsReadThoughItsOffsetWasRefused(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		m := w.join(nil)
		w.produce(0, "a")
		w.produce(1, "b")
		w.eventually("handled", w.seen.all)
		w.cut(true)
		w.pass(8 * time.Second)
		fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Topic: topic, Err: kerr.UnknownServerError, Count: -1})
		w.cut(false)
		w.pass(20 * time.Second)
		require.Positive(t, w.log.count("Error in consumer loop: UNKNOWN_SERVER_ERROR"))
		fault.Remove()
		w.produce(0, "c")
		w.produce(1, "d")
		w.eventually("handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		m.addsUp()
	})
}

// An error that comes with every fetch is told, but does not flood the log.
func TestTheSameErrorIsToldEveryFiveSeconds(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.join(nil)
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		fault := w.fault(kmsg.Fetch, kerr.TopicAuthorizationFailed, -1)
		w.pass(minute)
		require.InDelta(t, 12, w.log.count(`msg="Error in consumer loop: TOPIC_AUTHORIZATION_FAILED`), 1)
		fault.Remove()
		w.produce(0, "after")
		w.eventually("handled", w.seen.all)
	})
}

func TestAHandlerHearsNothingOfAnOutageThatIsShorterThanASession(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		done := make(chan error, 1)
		m := w.join(func(ctx context.Context, _ *record.Record) error {
			err := slowly(20*time.Second)(ctx, nil)
			done <- err
			return err
		})
		w.produce(0, "long")
		w.eventually("in work", func() bool { return m.metric("records_running") == 1 })
		w.cut(true)
		w.pass(10 * time.Second)
		w.cut(false)
		require.NoError(t, <-done)
		w.eventually("committed", func() bool { return w.committed(0) == 1 })
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		require.Zero(t, w.log.count("partition lost"))
	})
}

func TestAnOutageThatIsLongerThanASessionEndsTheHandler(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var ended atomic.Int32
		m := w.join(func(ctx context.Context, r *record.Record) error {
			if r.Offset == 1 && ended.Load() == 0 {
				<-ctx.Done()
				ended.Add(1)
				return nil
			}
			return nil
		})
		w.produce(0, "a", "b", "c")
		w.eventually("in work", func() bool { return w.committed(0) == 1 })
		w.cut(true)
		w.pass(30 * time.Second)
		require.Zero(t, ended.Load())
		w.pass(minute)
		require.Equal(t, int32(1), ended.Load())
		w.cut(false)
		w.eventually("all committed", func() bool { return w.committed(0) == 3 })
		require.Equal(t, []int64{0, 1, 1, 2}, w.seen.of(0))
		m.addsUp()
	})
}
