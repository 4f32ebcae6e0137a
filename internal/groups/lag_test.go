package groups_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/groups"
	"sluice/internal/kafka"
)

func TestLag(t *testing.T) {
	for name, c := range map[string]struct {
		write   func(*world)
		records int64
		seconds *float64
		check   func(*testing.T, groups.PartitionLag)
	}{
		"no commit: from the start of the log": {
			func(w *world) { w.write(record(0, time.Hour), record(0, time.Minute)); w.commit(1, 0, "") },
			2, new(3600.0), nil,
		},
		"the next record decides, not the last": {
			func(w *world) {
				w.write(record(0, time.Hour), record(0, time.Minute), record(0, time.Second))
				w.commit(0, 1, "")
			},
			2, new(60.0), func(t *testing.T, p groups.PartitionLag) { require.EqualValues(t, 1, p.Committed) },
		},
		"nothing left": {
			func(w *world) { w.write(record(0, time.Hour)); w.commit(0, 1, "") },
			0, new(0.0), nil,
		},
		"a commit behind the end": {
			func(w *world) { w.write(record(0, time.Hour)); w.commit(0, 100, "") },
			0, new(0.0), nil,
		},
		"records deleted below the commit count": {
			func(w *world) {
				w.write(record(0, 4*time.Minute), record(0, 3*time.Minute), record(0, 2*time.Minute))
				w.commit(0, 1, "")
				w.deleteBelow(0, 1)
			},
			2, new(180.0), func(t *testing.T, p groups.PartitionLag) { require.EqualValues(t, 1, p.Start) },
		},
		"records deleted past the commit do not": {
			func(w *world) {
				w.write(record(0, 4*time.Minute), record(0, 3*time.Minute), record(0, 2*time.Minute))
				w.commit(0, 0, "")
				w.deleteBelow(0, 2)
			},
			1, new(120.0), func(t *testing.T, p groups.PartitionLag) { require.EqualValues(t, 0, p.Committed) },
		},
		"a timestamp in the future is no negative lag": {
			func(w *world) { w.write(record(0, -time.Hour)); w.commit(0, 0, "") },
			1, new(0.0), nil,
		},
		"no timestamp is not 57 years": {
			func(w *world) {
				r := record(0, 0)
				r.Timestamp = time.UnixMilli(-1)
				w.write(r)
				w.commit(0, 0, "")
			},
			1, nil, func(t *testing.T, p groups.PartitionLag) { require.Contains(t, p.Problem, "no timestamp") },
		},
		"a gap that compaction has left": {
			func(w *world) {
				w.configure("cleanup.policy", "compact")
				first := record(0, time.Hour)
				first.Key = []byte("other")
				w.write(first)
				for n := range 10 {
					r := record(0, time.Duration(100-n)*time.Second)
					r.Key = []byte("same")
					w.write(r)
				}
				w.cluster.Compact()
				w.commit(0, 2, "")
			},
			9, new(92.0), nil,
		},
		"an open transaction is not there yet": {
			func(w *world) {
				w.write(record(0, time.Minute))
				w.transaction("open", record(0, time.Second))
				w.commit(0, 1, "")
			},
			0, new(0.0), func(t *testing.T, p groups.PartitionLag) { require.EqualValues(t, 1, p.End) },
		},
		"a marker of a transaction, and nothing else": {
			func(w *world) {
				tx := w.transaction("done", record(0, time.Minute))
				require.NoError(w.t, tx.EndTransaction(w.t.Context(), kgo.TryCommit))
				w.commit(0, 1, "")
			},
			1, new(0.0), nil,
		},
		"aborted records are passed over": {
			func(w *world) {
				tx := w.transaction("aborted", record(0, time.Hour), record(0, time.Hour))
				require.NoError(w.t, tx.EndTransaction(w.t.Context(), kgo.TryAbort))
				require.NoError(w.t, tx.BeginTransaction())
				require.NoError(w.t, tx.ProduceSync(w.t.Context(), record(0, time.Minute)).FirstErr())
				require.NoError(w.t, tx.EndTransaction(w.t.Context(), kgo.TryCommit))
				w.commit(0, 0, "")
			},
			5, new(60.0), nil,
		},
		"aborted records to the end": {
			func(w *world) {
				tx := w.transaction("aborted", record(0, time.Hour), record(0, time.Hour))
				require.NoError(w.t, tx.EndTransaction(w.t.Context(), kgo.TryAbort))
				w.commit(0, 0, "")
			},
			3, new(0.0), nil,
		},
		"a commit of a topic that was deleted": {
			func(w *world) { w.write(record(0, time.Hour)); w.commit(0, 1, kafka.TopicNote([16]byte{1})) },
			1, new(3600.0), func(t *testing.T, p groups.PartitionLag) {
				require.True(t, p.Stale)
				require.EqualValues(t, -1, p.Committed)
			},
		},
		"a commit of this topic": {
			func(w *world) { w.write(record(0, time.Hour)); w.commit(0, 1, kafka.TopicNote(w.topicID())) },
			0, new(0.0), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			c.write(w)
			p := w.lag(0)
			require.NotNil(t, p.Lag, p.Problem)
			require.Equal(t, c.records, *p.Lag)
			requireSeconds(t, c.seconds, p)
			if c.check != nil {
				c.check(t, p)
			}
		})
	}
}

func requireSeconds(t *testing.T, want *float64, p groups.PartitionLag) {
	t.Helper()
	if want == nil {
		require.Nil(t, p.LagSeconds)
		return
	}
	require.NotNil(t, p.LagSeconds, p.Problem)
	require.Equal(t, *want, *p.LagSeconds)
}

func (w *world) deleteBelow(partition int32, offset int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, offset, -1)
	_, err := w.admin.DeleteRecords(w.t.Context(), offsets)
	require.NoError(w.t, err)
}

func (w *world) configure(name, value string) {
	w.t.Helper()
	_, err := w.admin.AlterTopicConfigs(w.t.Context(), []kadm.AlterConfig{{Name: name, Value: &value}}, topic)
	require.NoError(w.t, err)
}

func (w *world) topicID() [16]byte {
	w.t.Helper()
	details, err := w.admin.ListTopics(w.t.Context(), topic)
	require.NoError(w.t, err)
	return details[topic].ID
}

// The record that is next is in the middle of a batch, whatever packs it.
func TestLagInPackedBatches(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			client := w.connect(kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(time.Minute))
			for n := range 50 {
				r := record(0, time.Duration(100-n)*time.Second)
				r.Value = bytes.Repeat([]byte("sluice"), 100)
				client.Produce(t.Context(), r, nil)
			}
			require.NoError(t, client.Flush(t.Context()))
			w.commit(0, 40, "")
			require.Equal(t, new(60.0), w.lag(0).LagSeconds)
		})
	}
}

// A batch that unpacks to more than there is room for is not unpacked.
func TestLagBehindABomb(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression(), "lz4": kgo.Lz4Compression()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			client := w.connect(kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(90<<20))
			r := record(0, time.Minute)
			r.Value = make([]byte, 70<<20)
			require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
			w.commit(0, 0, "")
			p := w.lag(0)
			require.EqualValues(t, 1, *p.Lag)
			require.Nil(t, p.LagSeconds)
			require.Contains(t, p.Problem, "unpacks to more than 64 MiB")
		})
	}
}

// However many partitions there are, a question is a request to each broker.
func TestManyPartitionsAreOneQuestion(t *testing.T) {
	const partitions, brokers = 200, 3
	w := newWorld(t, partitions, kfake.NumBrokers(brokers))
	for p := range int32(partitions) {
		w.client.Produce(t.Context(), record(p, time.Duration(p)*time.Second), nil)
	}
	require.NoError(t, w.client.Flush(t.Context()))
	w.commit(0, 0, "")
	fetches, lists := w.count(kmsg.Fetch), w.count(kmsg.ListOffsets)
	g := w.inspect()
	require.Len(t, g.Partitions, partitions)
	for _, p := range g.Partitions {
		require.EqualValues(t, 1, *p.Lag)
		require.Equal(t, new(float64(p.Partition)), p.LagSeconds)
	}
	require.Equal(t, groups.Total{Lag: new(int64(partitions)), LagSeconds: new(float64(partitions - 1))}, g.Total)
	require.LessOrEqual(t, fetches.Load(), int64(brokers))
	require.LessOrEqual(t, lists.Load(), int64(2*brokers))

	w.inspect()
	require.LessOrEqual(t, fetches.Load(), int64(brokers), "records that were seen are not read again")
}

// Partitions that begin with a large batch take more than one request.
func TestLagBehindLargeBatches(t *testing.T) {
	const partitions = 12
	w := newWorld(t, partitions)
	w.configure("max.message.bytes", "4000000")
	client := w.connect(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(3<<20))
	for p := range int32(partitions) {
		r := record(p, time.Duration(p)*time.Second)
		r.Value = make([]byte, 2<<20)
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	w.commit(0, 0, "")
	for _, p := range w.inspect().Partitions {
		require.Equal(t, new(float64(p.Partition)), p.LagSeconds, p.Problem)
	}
}

func TestWhatCannotBeFoundOutIsUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		fault   kfake.Fault
		lag     bool
		problem string
	}{
		"the record": {kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: topic, Partitions: []int32{1}, Err: kerr.KafkaStorageError, Count: -1}, true, "next record"},
		"every end":  {kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: topic, Err: kerr.UnknownServerError, Count: -1}, false, "end of the log"},
		"the end":    {kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: topic, Partitions: []int32{1}, Err: kerr.UnknownServerError, Count: -1}, false, "end of the log"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			w.write(record(0, time.Minute), record(1, time.Hour))
			w.commit(0, 0, "")
			w.cluster.Fault(c.fault)
			g := w.inspect()
			if c.fault.Partitions == nil {
				require.Equal(t, groups.Total{Unknown: 2}, g.Total, "not 0")
				return
			}
			require.Equal(t, new(60.0), g.Partitions[0].LagSeconds)
			require.Equal(t, c.lag, g.Partitions[1].Lag != nil)
			require.Nil(t, g.Partitions[1].LagSeconds)
			require.Contains(t, g.Partitions[1].Problem, c.problem)
			require.Equal(t, 1, g.Unknown)
			require.Equal(t, new(60.0), g.LagSeconds)
		})
	}
}

// A broker that says nothing about records leaves them unknown, and the rest of
// the answer comes in time.
func TestRecordsThatAreNotReadInTime(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Minute))
	w.commit(0, 0, "")
	release := make(chan struct{})
	w.cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	g, err := w.Inspect(ctx, groups.Question{Group: group})
	require.NoError(t, err)
	require.EqualValues(t, 1, *g.Partitions[0].Lag)
	require.Nil(t, g.Partitions[0].LagSeconds)
	require.Contains(t, g.Partitions[0].Problem, "in time")
	require.NoError(t, ctx.Err())
}

func TestKafkaThatSaysNothing(t *testing.T) {
	for name, broker := range map[string]string{"silent": silent(t), "gone": "127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			inspector := groups.NewInspector(newControl(t, []string{broker}))
			_, err := inspector.Inspect(ctx, groups.Question{Group: group})
			require.ErrorIs(t, err, kafka.ErrAway)
			_, err = inspector.Plan(ctx, groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
			require.ErrorIs(t, err, kafka.ErrAway)
		})
	}
}

func TestAPartitionWithoutACommitCanCountFromTheEnd(t *testing.T) {
	w := newWorld(t, 2)
	w.write(record(0, time.Minute), record(1, time.Minute))
	w.commit(1, 0, "")
	g, err := w.Inspect(t.Context(), groups.Question{Group: group, Topics: []string{topic}, FromEnd: true})
	require.NoError(t, err)
	require.EqualValues(t, 0, *g.Partitions[0].Lag)
	require.EqualValues(t, 1, *g.Partitions[1].Lag)
}

func TestTopicsOfAGroup(t *testing.T) {
	w := newWorld(t, 1, kfake.SeedTopics(1, "old", topic+"."+group+".retry"))
	w.write(record(0, time.Minute), &kgo.Record{Topic: "old", Value: []byte("v"), Timestamp: now.Add(-time.Hour)})
	offsets := kadm.Offsets{}
	offsets.AddOffset("old", 0, 0, -1)
	require.NoError(t, w.admin.CommitAllOffsets(t.Context(), group, offsets))

	g := w.inspect()
	require.Equal(t, []string{"old"}, g.Topics)
	require.EqualValues(t, 1, *g.Lag, "with nothing that says what the group reads, every commit counts")

	g = w.inspect(topic, "nowhere", topic+"."+group+".retry")
	require.Equal(t, []string{topic, topic + "." + group + ".retry", "nowhere", "old"}, g.Topics)
	require.Equal(t, []string{"nowhere"}, g.MissingTopics)
	require.Equal(t, groups.Total{Lag: new(int64(1)), LagSeconds: new(60.0)}, g.Total, "what is not read any more is not counted")
	read := map[string]bool{}
	for _, p := range g.Partitions {
		read[p.Topic] = p.Subscribed
	}
	require.Equal(t, map[string]bool{topic: true, topic + "." + group + ".retry": true, "old": false}, read)
}

func TestNamesThatAreNone(t *testing.T) {
	w := newWorld(t, 1)
	for _, name := range []string{"", "\xff", fmt.Sprintf("%300d", 1)} {
		_, err := w.Inspect(t.Context(), groups.Question{Group: name})
		require.ErrorIs(t, err, groups.ErrBadName)
		_, err = w.Plan(t.Context(), groups.Seek{Group: name, Topic: topic})
		require.ErrorIs(t, err, groups.ErrBadName)
	}
}
