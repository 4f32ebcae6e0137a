package consumer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/record"
)

// withhold keeps dead letters from being acknowledged, until it is called. Those
// that are sent again meanwhile may have been written.
func (w *world) withhold() (deliver func()) {
	return w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dlq, Err: kerr.NotEnoughReplicas, Count: -1}).Remove
}

func TestAnOffsetIsCommittedOnlyWhenTheDeadLetterIsAcknowledged(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		m := w.join(dead, ordered(consumer.OrderKey))
		w.produceKey(0, "a", "first")
		w.eventually("committed", func() bool { return w.committed(0) == 1 })
		deliver := w.withhold()
		w.produceKey(0, "a", "second")
		w.produceKey(0, "b", "third")
		w.eventually("on their way", func() bool { return m.metric("records_running") == 2 })
		w.pass(10 * minute)
		require.Equal(t, int64(1), w.committed(0))
		require.Equal(t, 1.0, m.metric("records_dead_total"))
		require.Equal(t, 2.0, m.metric("records_running"))
		within(t, time.Since(m.partition(0).OldestRunning), 10*minute, 11*minute)
		deliver()
		w.eventually("committed", func() bool { return w.committed(0) == 3 })
		require.Equal(t, 3.0, m.metric("records_dead_total"))
		m.addsUp()
		w.checkCommits(w.deadLetters())
	})
}

func TestADeadLetterThatIsRefusedForGoodStopsItsPartition(t *testing.T) {
	for _, err := range []*kerr.Error{kerr.MessageTooLarge, kerr.TopicAuthorizationFailed, kerr.InvalidRecord, kerr.PolicyViolation} {
		t.Run(err.Message, func(t *testing.T) {
			inWorld(t, 2, func(t *testing.T, w *world) {
				w.mayBury()
				require.NoError(t, w.cluster.CreateTopic(dlq, 2, nil))
				refuse := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dlq, Err: err, Count: -1})
				m := w.join(func(_ context.Context, r *record.Record) error {
					if string(r.Value) == "bad" {
						return consumer.Permanent(errRefused)
					}
					return nil
				}, ordered(consumer.OrderKey))
				w.produceKey(0, "a", "good")
				w.produceKey(0, "b", "bad")
				w.eventually("stopped", func() bool { return m.metric("stopped_partitions") == 1 })
				w.produceKey(0, "a", "behind it")
				w.produce(1, "the other one goes on")
				w.eventually("it does", func() bool { return w.committed(1) == 1 })
				w.pass(10 * minute)
				require.Equal(t, int64(1), w.committed(0))
				require.Equal(t, []int64{0}, w.seen.of(0))
				stopped := m.partition(0)
				require.Contains(t, stopped.Stopped, "offset 1 was given up, and its dead letter refused")
				require.Contains(t, stopped.Stopped, err.Message)
				require.Empty(t, m.partition(1).Stopped)
				require.Equal(t, 1, w.log.count(`msg="partition is stopped"`))
				require.Zero(t, stopped.Records.Running+stopped.Records.Retrying)
				m.addsUp()
				refuse.Remove()
				require.NoError(t, m.stop())
				w.join(nil) // Somebody has seen to it.
				w.eventually("all handled", w.seen.all)
			})
		})
	}
}

func TestATopicForDeadLettersThatMayNotBeMadeIsWaitedFor(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		w.mayBury()
		m := w.join(func(ctx context.Context, r *record.Record) error {
			if r.Partition == 0 {
				return dead(ctx, r)
			}
			return nil
		}, func(_ *consumer.Config, d *consumer.Deps) { d.Create = false })
		w.produce(0, "bad")
		w.produce(1, "good")
		w.eventually("the other one goes on", func() bool { return w.committed(1) == 1 })
		w.pass(10 * minute)
		require.Equal(t, int64(0), w.committed(0))
		require.Contains(t, w.log.String(), "write dead letter of events/0: topic events.readers.dlq: the topic does not exist, and kafka.create does not let us create it")
		require.Contains(t, m.partition(0).LastError, "topic events.readers.dlq: the topic does not exist")
		require.Equal(t, 1.0, m.metric("records_retrying"))
		require.Less(t, w.log.count("write dead letter of events/0"), 50)
		require.NoError(t, w.cluster.CreateTopic(dlq, 1, nil))
		w.eventually("goes on", func() bool { return w.committed(0) == 1 })
		_, l := w.letter(w.read(dlq)[0])
		require.Equal(t, deadletter.Permanent, l.Class)
		require.Equal(t, "refused", l.Message, "it says what the handler said")
		require.Equal(t, 1, l.Attempts)
		m.addsUp()
	})
}

func TestStopStopsThePartitionAndWritesNothing(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		m := w.join(func(_ context.Context, r *record.Record) error {
			if string(r.Value) == "bad" {
				return errRefused
			}
			return nil
		}, stops, attempts(3))
		w.produce(0, "good", "bad", "behind it")
		w.produce(1, "good")
		w.eventually("stopped", func() bool { return m.metric("stopped_partitions") == 1 })
		w.pass(10 * minute)
		require.Equal(t, "offset 1 was given up (exhausted) after 3 attempts: refused", m.partition(0).Stopped)
		require.Equal(t, int64(1), w.committed(0))
		require.Equal(t, int64(1), w.committed(1))
		require.Nil(t, w.cluster.TopicInfo(dlq))
		require.Equal(t, int64(2), m.partition(0).Records.Queued)
		m.addsUp()
		require.NoError(t, m.stop())
		w.join(nil)
		w.eventually("all handled", w.seen.all)
	})
}

// With lanes, a partition stops while others of its records are in work or wait.
func TestStopLetsWhatIsInWorkEndAndTriesNothingAgain(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		g := newGate()
		var retried times
		m := w.join(func(ctx context.Context, r *record.Record) error {
			if string(r.Value) == "failing" {
				retried.note()
				return errRefused
			}
			if err := g.work(ctx, r); err != nil {
				return err
			}
			if string(r.Value) == "bad" {
				return consumer.Permanent(errRefused)
			}
			return nil
		}, stops, ordered(consumer.OrderKey))
		for _, value := range []string{"failing", "slow", "bad"} {
			w.produceKey(0, value, value)
		}
		g.holds(w, "bad", "slow")
		g.let("bad")
		w.eventually("stopped", func() bool { return m.metric("stopped_partitions") == 1 })
		tries := retried.count()
		require.Equal(t, 1.0, m.metric("records_running"))
		g.let("slow")
		w.eventually("it counts", func() bool { return m.metric("records_ok_total") == 1 })
		w.pass(10 * minute)
		require.Equal(t, tries, retried.count())
		require.Equal(t, 2.0, m.metric("records_queued"))
		m.addsUp()
		require.NoError(t, m.stop())
		m.addsUp()
	})
}

func TestGroupsHaveDeadLettersOfTheirOwn(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		a, b := defaultConfig(), defaultConfig()
		a.Name, b.Name, b.Group = "a", "b", "billing"
		w.joinWith(a, consumer.HandlerFunc(dead))
		w.joinWith(b, consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
			if r.Offset == 0 {
				return consumer.Undecodable(errRefused)
			}
			return nil
		}))
		w.produce(0, "x", "y")
		w.eventually("committed", func() bool {
			info := w.cluster.GroupInfo("billing")
			return w.committed(0) == 2 && info.Commits[topic][0].Offset == 2
		})
		require.Len(t, w.read("events.readers.dlq"), 2)
		letters := w.read("events.billing.dlq")
		require.Len(t, letters, 1)
		_, l := w.letter(letters[0])
		require.Equal(t, "billing", l.Group)
		require.Equal(t, "b", l.Handler)
	})
}

func TestAFloodOfDeadLettersIsFastAndInOrder(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		w.mayBury()
		const records = 5000
		w.flood(0, records)
		w.flood(1, records)
		start := time.Now()
		m := w.join(dead)
		w.eventually("committed", func() bool { return w.committed(0) == records && w.committed(1) == records })
		require.Less(t, time.Since(start), 10*time.Second, "of fake time")
		next := map[int32]int64{}
		for _, r := range w.read(dlq) {
			_, l := w.letter(r)
			require.Equal(t, next[r.Partition], l.Offset)
			next[r.Partition]++
		}
		require.Equal(t, map[int32]int64{0: records, 1: records}, next)
		lines := w.log.count("Error in consumer loop: refused")
		require.Less(t, lines, 400, "the log is not flooded")
		require.Equal(t, 2.0*records, m.metric(`handler_errors_total{kind="permanent"}`))
		w.pass(minute)
		w.produce(0, "one more")
		w.eventually("said", func() bool { return w.log.count("failures_not_logged=") > 0 })
		m.addsUp()
		w.checkCommits(w.deadLetters())
	})
}

// dlqOf lets requests to write fail for dead letters only.
func dlqOf(key kmsg.Key) string {
	if key == kmsg.Produce {
		return dlq
	}
	return ""
}

// Whatever Kafka answers for a while, each dead letter is written in the end.
func TestErrorsOfTheBrokerDelayDeadLettersOnly(t *testing.T) {
	faults := []struct {
		key  kmsg.Key
		errs []*kerr.Error
	}{
		{kmsg.Produce, []*kerr.Error{
			kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.UnknownServerError,
			kerr.KafkaStorageError, kerr.CorruptMessage, kerr.UnknownTopicOrPartition, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID,
			kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
		}},
		{kmsg.InitProducerID, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.RequestTimedOut}},
		{kmsg.CreateTopics, []*kerr.Error{kerr.NotController, kerr.TopicAuthorizationFailed, kerr.InvalidReplicationFactor, kerr.UnknownServerError}},
		{kmsg.DescribeConfigs, []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.UnknownServerError}},
		{kmsg.Metadata, []*kerr.Error{kerr.LeaderNotAvailable, kerr.UnknownServerError}},
	}
	for _, f := range faults {
		for _, err := range f.errs {
			for _, times := range []int{1, 12} {
				t.Run(fmt.Sprintf("%s/%s/%d", f.key.Name(), err.Message, times), func(t *testing.T) {
					inWorld(t, 1, func(t *testing.T, w *world) {
						w.mayBury()
						m := w.join(dead, ordered(consumer.OrderKey))
						w.produceKey(0, "warm", "up")
						if f.key == kmsg.Produce {
							w.eventually("committed", func() bool { return w.committed(0) == 1 })
						}
						for i := range 4 {
							w.produceKey(0, fmt.Sprint(i%2), fmt.Sprint(i))
						}
						fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{f.key}, Topic: dlqOf(f.key), Err: err, Count: times})
						w.produceKey(0, "x", "more")
						if f.key != kmsg.Produce {
							w.pass(time.Second)
						}
						w.eventually("committed", func() bool { return w.committed(0) == 6 || m.metric("stopped_partitions") == 1 })
						require.Empty(t, m.partition(0).Stopped)
						fault.Remove()
						m.addsUp()
						w.checkCommits(w.deadLetters())
					})
				})
			}
		}
	}
}

// Somebody deletes the dead letters while we write them.
func TestATopicForDeadLettersThatIsDeletedIsMadeAgain(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		m := w.join(dead)
		w.produce(0, "a")
		w.eventually("committed", func() bool { return w.committed(0) == 1 })
		require.NoError(t, w.cluster.DeleteTopic(dlq))
		w.pass(time.Second)
		w.produce(0, "b")
		w.eventually("committed", func() bool { return w.committed(0) == 2 })
		letters := w.read(dlq)
		require.Len(t, letters, 1)
		require.Equal(t, "b", string(letters[0].Value))
		require.Equal(t, "-1", w.topicConfigs(dlq)["retention.ms"])
		m.addsUp()
	})
}

// A topic whose dead letters have to wait must hold up no other of the group.
func TestATopicThatIsWaitedForHoldsUpNoOther(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		require.NoError(t, w.cluster.CreateTopic("other", 1, nil))
		require.NoError(t, w.cluster.CreateTopic("other.readers.dlq", 1, nil))
		cfg := defaultConfig()
		cfg.Topics, cfg.Order = []string{topic, "other"}, consumer.OrderKey
		silent := make(chan struct{})
		w.cluster.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.SleepControl(func() { <-silent })
			return nil, nil, false
		})
		m := w.joinWith(cfg, w.seen.record(dead))
		for i := range 50 {
			w.produceKey(0, fmt.Sprint(i), "stuck")
		}
		w.eventually("in work", func() bool { return m.metric("records_running") == 50 })
		start := time.Now()
		w.writeTo("other", "free")
		w.eventually("buried", func() bool { return m.metric("records_dead_total") == 1 })
		require.Less(t, time.Since(start), 2*time.Second)
		close(silent)
		w.eventually("all buried", func() bool { return m.metric("records_dead_total") == 51 })
		m.addsUp()
	})
}

func TestADeadLetterOnItsWayIsWaitedForAtARevoke(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("too late %t", late), func(t *testing.T) {
			inWorld(t, 2, func(t *testing.T, w *world) {
				w.mayBury()
				a := w.join(dead)
				w.produce(0, "warm up")
				w.produce(1, "warm up")
				w.eventually("committed", func() bool { return w.committed(0) == 1 && w.committed(1) == 1 })
				deliver := w.withhold()
				w.produce(0, "a", "b")
				w.produce(1, "a", "b")
				w.eventually("on their way", func() bool { return a.metric("records_running") == 2 })
				start := time.Now()
				b := w.join(nil)
				if !late {
					w.pass(5 * time.Second)
					deliver()
				}
				w.eventually("handed over", func() bool { return b.metric("partitions") == 1 && a.metric("partitions") == 1 })
				took := time.Since(start)
				if late {
					within(t, took, 10*time.Second, 15*time.Second)
					require.Equal(t, 2.0, a.metric("records_dead_total"), "it no longer counts")
					deliver()
				} else {
					within(t, took, 5*time.Second, 9*time.Second)
				}
				w.eventually("all committed", func() bool { return w.committed(0) == 3 && w.committed(1) == 3 })
				if late {
					require.Equal(t, 4.0, a.metric("records_dead_total"))
					require.Equal(t, 2.0, b.metric("records_ok_total"))
				} else {
					require.Equal(t, 5.0, a.metric("records_dead_total"))
					require.Equal(t, 1.0, b.metric("records_ok_total"))
				}
				a.addsUp()
				b.addsUp()
				w.checkCommits(w.deadLetters())
			})
		})
	}
}
