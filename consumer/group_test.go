package consumer_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/record"
)

func latest(cfg *consumer.Config, _ *consumer.Deps) { cfg.Start = consumer.StartLatest }

func TestEveryRecordIsHandledOnceInOrderAndCommitted(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		for p := range int32(3) {
			w.produce(p, numbered("before", 0, 20)...)
		}
		m := w.join(nil)
		w.eventually("all handled", w.seen.all)
		for p := range int32(3) {
			w.produce(p, numbered("after", 0, 20)...)
		}
		w.eventually("all handled", w.seen.all)
		w.eventually("all committed", func() bool {
			return w.committed(0) == 40 && w.committed(1) == 40 && w.committed(2) == 40
		})
		records, repeats := w.seen.count()
		require.Equal(t, 120, records)
		require.Zero(t, repeats)
		for p := range int32(3) {
			require.IsIncreasing(t, w.seen.of(p))
		}
		require.NoError(t, m.Ready())
		require.NoError(t, m.stop())
		require.ErrorContains(t, m.Ready(), "draining")
		m.addsUp()
		require.Equal(t, 1, w.log.count("Kafka consumer connected and listening..."))
	})
}

func TestARecordComesToTheHandlerAsItWasWritten(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		want := []*kgo.Record{
			{Value: nil},
			{Value: []byte{}, Key: []byte{}},
			{Value: []byte("\xff\xfe not UTF-8"), Key: []byte("\x00")},
			{Value: bytes.Repeat([]byte("x"), 900_000)},
			{Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}}},
		}
		for _, r := range want {
			r.Topic = topic
			require.NoError(t, w.client.ProduceSync(t.Context(), r).FirstErr())
		}
		got := make(chan *record.Record, len(want))
		w.join(func(_ context.Context, r *record.Record) error {
			got <- r
			return nil
		})
		for i, r := range want {
			g := <-got
			require.Equal(t, r.Key, g.Key, i)
			require.Equal(t, r.Value, g.Value, i)
			require.Equal(t, topic, g.Topic)
			require.Equal(t, int64(i), g.Offset)
			require.True(t, r.Timestamp.Equal(g.Timestamp))
			require.Len(t, g.Headers, len(r.Headers))
			for j, h := range r.Headers {
				require.Equal(t, record.Header(h), g.Headers[j])
			}
		}
	})
}

func TestAPartitionWithoutRecordsIsCommittedAtAssignment(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		w.produce(1, numbered("old", 0, 5)...)
		require.NoError(t, w.cluster.DeleteRecords(topic, 1, 5))
		w.seen.forget(1, 0, 5)
		w.join(nil)
		w.pass(100 * time.Millisecond) // Not only with the next round of commits.
		require.Equal(t, int64(0), w.committed(0))
		require.Equal(t, int64(5), w.committed(1))
	})
}

func TestLatestSkipsWhatWasThereAndNothingElse(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		r := &kgo.Record{Topic: topic, Value: []byte("old")}
		require.NoError(t, w.client.ProduceSync(t.Context(), r).FirstErr())
		// The first member is never able to handle a record.
		m := w.join(func(context.Context, *record.Record) error { return errRefused }, latest)
		w.eventually("begun", func() bool { return w.committed(0) == 1 })
		w.produce(0, "new")
		w.eventually("tried", func() bool { return m.metric(`handler_errors_total{kind="error"}`) > 0 })
		require.NoError(t, m.stop())
		// The next one begins where the first did, not at what is the latest now.
		w.produce(0, "newer")
		w.join(nil, latest)
		w.eventually("handled", w.seen.all)
		require.Equal(t, []int64{1, 2}, w.seen.of(0))
	})
}

func TestAPartitionThatIsAddedLaterIsReadFromItsBeginning(t *testing.T) {
	for _, start := range []consumer.Start{consumer.StartEarliest, consumer.StartLatest} {
		t.Run(string(start), func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.join(nil, func(cfg *consumer.Config, _ *consumer.Deps) { cfg.Start = start })
				w.eventually("joined", func() bool { return w.committed(0) == 0 })
				_, err := kadm.NewClient(w.client).CreatePartitions(t.Context(), 2, topic)
				require.NoError(t, err)
				w.client.ForceMetadataRefresh()
				w.eventually("the new ones can be written to", func() bool {
					r := &kgo.Record{Topic: topic, Partition: 2, Value: []byte("first")}
					err := w.client.ProduceSync(t.Context(), r).FirstErr()
					if err == nil {
						w.seen.expect(2, r.Offset, "first")
					}
					return err == nil
				})
				w.produce(1, "one", "two")
				w.eventually("handled", w.seen.all)
			})
		})
	}
}

func TestATopicThatIsCreatedLaterIsRead(t *testing.T) {
	inWorld(t, 0, func(t *testing.T, w *world) {
		w.join(nil, latest)
		w.pass(minute)
		require.NoError(t, w.cluster.CreateTopic(topic, 2, nil))
		w.produce(1, "first")
		w.eventually("handled", w.seen.all)
	})
}

func TestPrepareRunsBeforeTheGroupIsJoinedAndIsRepeated(t *testing.T) {
	inWorld(t, 0, func(_ *testing.T, w *world) {
		var tries atomic.Int32
		w.join(nil, func(_ *consumer.Config, deps *consumer.Deps) {
			deps.Prepare = func(ctx context.Context, client *kgo.Client) error {
				if tries.Add(1) < 3 {
					return errRefused
				}
				_, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, topic)
				return err
			}
		})
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		require.Equal(w.t, int32(3), tries.Load())
		require.Equal(w.t, 2, w.log.count("Kafka not available. Retrying in 5 seconds..."))
	})
}

func TestTransactionsAreReadWhenTheyAreCommittedAndTheirMarkersPassed(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		writer := w.connect(kgo.TransactionalID("writer"), kgo.DefaultProduceTopic(topic))
		transact := func(end kgo.TransactionEndTry, value string) *kgo.Record {
			require.NoError(t, writer.BeginTransaction())
			r := kgo.StringRecord(value)
			require.NoError(t, writer.ProduceSync(t.Context(), r).FirstErr())
			require.NoError(t, writer.EndTransaction(t.Context(), end))
			return r
		}
		kept := transact(kgo.TryCommit, "kept")
		w.seen.expect(0, kept.Offset, "kept")
		transact(kgo.TryAbort, "dropped")
		kept = transact(kgo.TryCommit, "kept too")
		w.seen.expect(0, kept.Offset, "kept too")
		m := w.join(nil)
		w.eventually("handled", w.seen.all)
		w.eventually("the last marker is behind the position", func() bool { return w.committed(0) == 6 })
		require.Equal(t, []int64{0, 4}, w.seen.of(0))
		require.Equal(t, 2.0, m.metric("records_in_total"))
	})
}

func TestAMemberWithoutAPartitionIsReady(t *testing.T) {
	inWorld(t, 1, func(_ *testing.T, w *world) {
		a, b := w.join(nil), w.join(nil)
		w.eventually("both are ready", func() bool { return a.Ready() == nil && b.Ready() == nil })
		require.Equal(w.t, 1.0, a.metric("partitions")+b.metric("partitions"))
	})
}
