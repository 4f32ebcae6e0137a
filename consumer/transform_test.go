package consumer_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

// transform starts a member that makes one result of each record, unless make
// says otherwise: its partition and offset.
func (w *world) transform(make consumer.Transform, change ...setting) *member {
	w.t.Helper()
	cfg := defaultConfig()
	for _, f := range change {
		f(&cfg, nil)
	}
	if make == nil {
		make = copied
	}
	// The handler has done its work when its results are in Kafka; commits are
	// compared with what has come there at the end.
	w.mayBury()
	return w.joinWith(cfg, consumer.Transform(func(ctx context.Context, r *record.Record) (results []record.Record, err error) {
		err = w.seen.record(func(ctx context.Context, r *record.Record) error {
			results, err = make(ctx, r)
			return err
		})(ctx, r)
		return results, err
	}))
}

func copied(_ context.Context, r *record.Record) ([]record.Record, error) {
	return []record.Record{{Topic: made, Key: r.Key, Value: fmt.Appendf(nil, "%d/%d", r.Partition, r.Offset)}}, nil
}

// results returns how often each result can be read.
func (w *world) results(name string) map[string]int {
	w.t.Helper()
	n := map[string]int{}
	for _, r := range w.read(name) {
		n[string(r.Value)]++
	}
	return n
}

// onceEach checks that the results of so many records of each partition are
// there once.
func (w *world) onceEach(partitions int32, records int) {
	w.t.Helper()
	results := w.results(made)
	require.Len(w.t, results, int(partitions)*records)
	for value, n := range results {
		require.Equal(w.t, 1, n, value)
	}
}

func (w *world) committedAll(partitions int32, offset int64) func() bool {
	return func() bool {
		for p := range partitions {
			if w.committed(p) < offset {
				return false
			}
		}
		return true
	}
}

// Each step of a transaction fails for a while, under load, in each way that it
// does in real life.
func TestResultsAreThereOnceWhateverFails(t *testing.T) {
	faults := []struct {
		key  kmsg.Key
		errs []*kerr.Error
	}{
		{kmsg.InitProducerID, []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.ConcurrentTransactions, kerr.UnknownServerError, kerr.ProducerFenced}},
		{kmsg.AddPartitionsToTxn, []*kerr.Error{kerr.NotCoordinator, kerr.ConcurrentTransactions, kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.UnknownServerError}},
		{kmsg.Produce, []*kerr.Error{
			kerr.NotLeaderForPartition, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber,
			kerr.InvalidProducerEpoch, kerr.UnknownProducerID, kerr.UnknownServerError, kerr.InvalidTxnState,
		}},
		{kmsg.AddOffsetsToTxn, []*kerr.Error{kerr.NotCoordinator, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions, kerr.GroupAuthorizationFailed, kerr.UnknownServerError}},
		{kmsg.TxnOffsetCommit, []*kerr.Error{
			kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID,
			kerr.InvalidProducerEpoch, kerr.UnknownTopicOrPartition, kerr.UnknownServerError,
		}},
		{kmsg.EndTxn, []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.RequestTimedOut, kerr.UnknownServerError}},
	}
	for _, f := range faults {
		for _, err := range f.errs {
			t.Run(f.key.Name()+"/"+err.Message, func(t *testing.T) {
				inWorld(t, 2, func(t *testing.T, w *world) {
					require.NoError(t, w.cluster.CreateTopic(made, 2, nil))
					m := w.transform(nil)
					w.produce(0, "warm up")
					w.produce(1, "warm up")
					w.eventually("committed", w.committedAll(2, 1))
					for _, times := range []int{1, 4} {
						fault := kfake.Fault{Keys: []kmsg.Key{f.key}, Err: err, Count: times}
						if f.key == kmsg.Produce {
							fault.Topic = made
						}
						handle := w.cluster.Fault(fault)
						for p := range int32(2) {
							w.produce(p, numbered("r", 0, 20)...)
						}
						w.pass(20 * time.Second)
						handle.Remove()
					}
					w.eventually("committed", w.committedAll(2, 41))
					w.onceEach(2, 41)
					_, repeats := w.seen.count()
					require.Zero(t, repeats, "results are kept until they are in Kafka")
					m.addsUp()
				})
			})
		}
	}
}

// The connection breaks when a transaction is to be committed, so that nobody
// knows whether it was, and the question has to be asked more than once.
func TestATransactionOfWhichNobodyKnowsWhetherItWasCommitted(t *testing.T) {
	for _, took := range []bool{true, false} {
		for _, unclear := range []*kerr.Error{nil, kerr.UnstableOffsetCommit, kerr.NotCoordinator, kerr.UnknownServerError} {
			t.Run(fmt.Sprintf("took effect %t, then %v", took, unclear), func(t *testing.T) {
				inWorld(t, 2, func(t *testing.T, w *world) {
					require.NoError(t, w.cluster.CreateTopic(made, 2, nil))
					m := w.transform(nil)
					w.produce(0, "warm up")
					w.produce(1, "warm up")
					w.eventually("committed", w.committedAll(2, 1))
					for range 3 {
						var cuts atomic.Int32
						w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
							w.cluster.DropControl()
							cuts.Add(1)
							m.cable.cut(true) // The answer cannot come.
							return nil, nil, !took
						})
						w.produce(0, numbered("r", 0, 10)...)
						w.eventually("cut", func() bool { return cuts.Load() == 1 })
						w.pass(8 * time.Second) // Longer than a commit takes.
						known := func() {}
						if unclear != nil {
							known = w.hideOffsets(unclear)
						}
						m.cable.cut(false)
						w.produce(1, numbered("r", 0, 10)...)
						w.pass(10 * time.Second)
						known()
						w.pass(10 * time.Second)
					}
					w.eventually("committed", w.committedAll(2, 31))
					w.onceEach(2, 31)
					m.addsUp()
				})
			})
		}
	}
}

// hideOffsets answers whoever asks for all offsets of the group with an error
// for each partition, until it is called.
func (w *world) hideOffsets(err *kerr.Error) (known func()) {
	var over atomic.Bool
	id := w.cluster.TopicInfo(topic).TopicID
	w.cluster.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if over.Load() {
			w.cluster.DropControl()
			return nil, nil, false
		}
		w.cluster.KeepControl()
		asked := req.(*kmsg.OffsetFetchRequest)
		if len(asked.Groups) != 1 || len(asked.Groups[0].Topics) > 0 {
			return nil, nil, false
		}
		of := kmsg.NewOffsetFetchResponseGroupTopic()
		of.Topic, of.TopicID = topic, id
		for p := range int32(2) {
			answer := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			answer.Partition, answer.Offset, answer.ErrorCode = p, -1, err.Code
			of.Partitions = append(of.Partitions, answer)
		}
		all := kmsg.NewOffsetFetchResponseGroup()
		all.Group, all.Topics = group, append(all.Topics, of)
		resp := asked.ResponseKind().(*kmsg.OffsetFetchResponse)
		resp.Groups = append(resp.Groups, all)
		return resp, nil, true
	})
	return func() { over.Store(true) }
}

// Readers of committed records see nothing behind a transaction that is open.
func TestATransactionThatHasFailedIsEndedAtOnce(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		m := w.transform(nil)
		w.produce(0, "warm up")
		w.eventually("committed", w.committedAll(1, 1))
		w.fault(kmsg.TxnOffsetCommit, kerr.GroupAuthorizationFailed, -1)
		w.produce(0, "r")
		w.eventually("refused", func() bool { return w.log.count("commit offsets in the transaction") > 0 })
		require.NoError(t, m.stop()) // Nobody is there to begin another one.
		other := w.connect(kgo.DefaultProduceTopic(made))
		require.NoError(t, other.ProduceSync(t.Context(), kgo.StringRecord("of somebody else")).FirstErr())
		w.pass(time.Second)
		require.Equal(t, map[string]int{"0/0": 1, "of somebody else": 1}, w.results(made))
	})
}

func TestAMemberThatWasFencedWritesNoResults(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		a := w.transform(nil)
		w.produce(0, "r")
		w.eventually("committed", w.committedAll(1, 1))
		// It goes on handling while another one takes over, and then comes back.
		a.cable.cut(true)
		w.produce(0, numbered("r", 0, 5)...)
		w.expel(w.cluster.GroupInfo(group).Members[0].MemberID)
		b := w.transform(nil)
		w.eventually("taken over", w.committedAll(1, 6))
		a.cable.cut(false)
		w.produce(0, numbered("r", 0, 5)...)
		w.eventually("committed", w.committedAll(1, 11))
		w.pass(minute)
		w.onceEach(1, 11)
		a.addsUp()
		b.addsUp()
	})
}

func TestResultsSurviveARebalanceInTheMiddle(t *testing.T) {
	for _, order := range []consumer.Order{consumer.OrderPartition, consumer.OrderKey} {
		t.Run(string(order), func(t *testing.T) {
			inWorld(t, 4, func(t *testing.T, w *world) {
				require.NoError(t, w.cluster.CreateTopic(made, 3, nil))
				slow := func(ctx context.Context, r *record.Record) ([]record.Record, error) {
					if err := slowly(40*time.Millisecond)(ctx, r); err != nil {
						return nil, err
					}
					return copied(ctx, r)
				}
				a := w.transform(slow, ordered(order))
				for p := range int32(4) {
					for i := range 200 {
						w.produceKey(p, fmt.Sprint(i%3), "r")
					}
				}
				w.pass(500 * time.Millisecond)
				b := w.transform(slow, ordered(order))
				w.pass(500 * time.Millisecond)
				require.NoError(t, a.stop())
				c := w.transform(slow, ordered(order))
				w.eventually("committed", w.committedAll(4, 200))
				w.onceEach(4, 200)
				_, repeats := w.seen.count()
				require.Zero(t, repeats, "a clean hand-over repeats nothing")
				for _, m := range []*member{a, b, c} {
					m.addsUp()
				}
			})
		})
	}
}

// A result that Kafka refuses is a matter of its own record.
func TestAResultThatIsRefusedIsTheFailureOfItsRecord(t *testing.T) {
	for _, stop := range []bool{false, true} {
		t.Run(fmt.Sprintf("stop %t", stop), func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				require.NoError(t, w.cluster.CreateTopic(made, 2, nil))
				huge := noise(2 << 20)
				w.flood(0, 300)
				begun := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
				m := w.transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
					results, err := copied(ctx, r)
					if r.Offset == 137 || r.Offset == 138 {
						results = append(results, record.Record{Topic: made, Value: huge})
					}
					return results, err
				}, func(c *consumer.Config, _ *consumer.Deps) {
					if stop {
						c.OnFailure = consumer.Stop
					}
				})
				if stop {
					w.eventually("stopped", func() bool { return m.metric("stopped_partitions") == 1 })
					require.Contains(t, m.partition(0).Stopped, "a result of offset 137 was refused: ")
					require.Contains(t, m.partition(0).Stopped, "MESSAGE_TOO_LARGE")
					require.Equal(t, int64(137), w.committed(0))
					require.Len(t, w.results(made), 137)
					m.addsUp()
					return
				}
				w.eventually("committed", w.committedAll(1, 300))
				require.Len(t, w.results(made), 298)
				w.deadAre(137, 138)
				require.Equal(t, 2.0, m.metric("records_dead_total"))
				require.Equal(t, 298.0, m.metric("records_ok_total"))
				require.Less(t, begun.Hits(), 60, "it is looked for by halves")
				m.addsUp()
			})
		})
	}
}

// deadAre checks which offsets of partition 0 are dead letters, for a result.
func (w *world) deadAre(offsets ...int64) {
	w.t.Helper()
	var are []int64
	for _, r := range w.read(dlq) {
		_, l := w.letter(r)
		require.Contains(w.t, l.Message, "a result was refused by Kafka: write the results: topic made: ")
		are = append(are, l.Offset)
	}
	require.Equal(w.t, offsets, are)
}

func TestAResultTopicThatMayNotBeWrittenIsTheFailureOfItsRecords(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		require.NoError(t, w.cluster.CreateTopic("secret", 1, nil))
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "secret", Err: kerr.TopicAuthorizationFailed, Count: -1})
		m := w.transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
			results, err := copied(ctx, r)
			if r.Offset%4 == 3 {
				results[0].Topic = "secret"
			}
			return results, err
		})
		w.produce(0, numbered("r", 0, 20)...)
		w.eventually("committed", w.committedAll(1, 20))
		require.Len(t, w.results(made), 15)
		require.Equal(t, 5.0, m.metric("records_dead_total"))
		m.addsUp()
	})
}

// The dead letter of a refused result comes from a lane of its own, which must
// not be taken for one of the partition's.
func TestARefusedResultDoesNotBreakTheOrderOfKeys(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		g := newGate()
		huge := noise(2 << 20)
		m := w.transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
			if string(r.Key) == "bad" {
				return []record.Record{{Topic: made, Value: huge}}, nil
			}
			if err := g.work(ctx, r); err != nil {
				return nil, err
			}
			return copied(ctx, r)
		}, ordered(consumer.OrderKey))
		w.produceKey(0, "bad", "refused")
		w.produce(0, "first")
		w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
		w.produce(0, "second")
		g.holds(w, "first")
		g.let("first")
		g.holds(w, "second")
		g.let("second")
		w.eventually("committed", w.committedAll(1, 3))
		m.addsUp()
	})
}

func TestManyAndLargeResultsGoThrough(t *testing.T) {
	tests := []struct {
		name    string
		records int
		results int
		bytes   int
		limit   string
	}{
		{"more than the client holds", 15_000, 2, 1, "1048588"},
		{"more than a batch may have", 100, 1, 100_000, "1048588"},
		{"more than a batch may have, of one record", 3, 30, 100_000, "1048588"},
		{"a topic that takes little", 20, 5, 90_000, "100000"},
		{"a topic that takes much", 3, 3, 3 << 20, "4000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				require.NoError(t, w.cluster.CreateTopic(made, 1, map[string]string{"max.message.bytes": tt.limit}))
				w.flood(0, tt.records)
				gather := w.fault(kmsg.InitProducerID, kerr.ConcurrentTransactions, -1)
				m := w.transform(func(_ context.Context, r *record.Record) ([]record.Record, error) {
					var results []record.Record
					for i := range tt.results {
						results = append(results, record.Record{Topic: made, Value: noise(tt.bytes, byte(r.Offset), byte(i))})
					}
					return results, nil
				})
				w.pass(4 * time.Second) // All of it at once.
				gather.Remove()
				w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: made, Err: kerr.NotEnoughReplicas, Count: 2}) // It takes a moment.
				start := time.Now()
				w.eventually("committed", w.committedAll(1, int64(tt.records)))
				require.Less(t, time.Since(start), 30*time.Second, "of fake time")
				require.Zero(t, m.metric("records_dead_total"))
				require.Len(t, w.read(made), tt.results*tt.records)
				if tt.limit != "100000" {
					require.Zero(t, m.metric(`commits_total{result="error"}`), "nothing is refused")
				}
				m.addsUp()
			})
		})
	}
}

// What is handled when the program stops is committed, though it takes more than
// one transaction.
func TestADrainCommitsAllResults(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		open := make(chan struct{})
		value := noise(900_000)
		m := w.transform(func(context.Context, *record.Record) ([]record.Record, error) {
			<-open
			return []record.Record{{Topic: made, Value: value}}, nil
		}, ordered(consumer.OrderNone))
		w.produce(0, numbered("r", 0, 40)...)
		w.eventually("in work", func() bool { return m.metric("records_running") == 40 })
		time.AfterFunc(time.Second, func() { close(open) })
		require.NoError(t, m.stop())
		require.Equal(t, int64(40), w.committed(0))
		require.Equal(t, 40.0, m.metric("records_ok_total"))
		m.addsUp()
	})
}

func TestATopicForResultsThatIsMissingIsToldAndWaitedFor(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, "a", "b")
		w.fault(kmsg.OffsetCommit, kerr.UnknownServerError, 1) // The next try is made when there are results.
		m := w.transform(nil)
		w.pass(2 * minute)
		require.Equal(t, int64(0), w.committed(0), "the group can be seen from outside")
		require.Contains(t, w.log.String(), "Error in consumer loop: commit results: write the results: topic made: UNKNOWN_TOPIC_OR_PARTITION")
		require.Less(t, w.log.count("write the results"), 30)
		require.Zero(t, m.metric("records_dead_total"))
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		w.eventually("committed", w.committedAll(1, 2))
		w.onceEach(1, 2)
		m.addsUp()
	})
}

func TestResultsOfOneRecordMayGoToSeveralTopics(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 3, nil))
		require.NoError(t, w.cluster.CreateTopic("also", 1, nil))
		m := w.transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
			results, err := copied(ctx, r)
			if r.Offset%2 == 0 {
				results = append(results, record.Record{
					Topic: "also", Key: []byte{}, Value: nil, Timestamp: time.UnixMilli(12345),
					Headers: []record.Header{{Key: "a", Value: []byte("1")}, {Key: "a"}},
				})
			}
			return results, err
		})
		w.produce(0, numbered("r", 0, 10)...)
		w.eventually("committed", w.committedAll(1, 10))
		w.onceEach(1, 10)
		also := w.read("also")
		require.Len(t, also, 5)
		require.Equal(t, []byte{}, also[0].Key)
		require.Nil(t, also[0].Value)
		require.Equal(t, int64(12345), also[0].Timestamp.UnixMilli())
		require.Equal(t, []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a"}}, also[0].Headers)
		m.addsUp()
	})
}

func TestWithoutResultsThereIsNoTransaction(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		begun := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, Observe: true, Count: -1})
		m := w.transform(func(context.Context, *record.Record) ([]record.Record, error) { return nil, nil })
		w.flood(0, 12_000)
		w.eventually("committed", w.committedAll(1, 12_000))
		require.Zero(t, begun.Hits())
		require.Equal(t, 12_000.0, m.metric("records_ok_total"))
		m.addsUp()
	})
}

func TestATransformThatCannotBeIsTold(t *testing.T) {
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		made record.Record
		want string
	}{
		{"no topic", record.Record{}, `the handler returned a record for topic "", which is not a topic's name`},
		{"not a topic", record.Record{Topic: "a b"}, `the handler returned a record for topic "a b"`},
		{"a time that the client cannot write", record.Record{Topic: made, Timestamp: far}, "the handler returned a record for topic made: the time 9999-01-01T00:00:00Z cannot be written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.transform(func(context.Context, *record.Record) ([]record.Record, error) { return []record.Record{tt.made}, nil })
				w.produce(0, "a")
				w.eventually("committed", w.committedAll(1, 1))
				_, l := w.letter(w.read(dlq)[0])
				require.Contains(t, l.Message, tt.want)
			})
		})
	}
	t.Run("inside another handler", func(t *testing.T) {
		inWorld(t, 1, func(t *testing.T, w *world) {
			w.mayBury()
			inner := consumer.Transform(copied)
			w.join(func(ctx context.Context, r *record.Record) error { return inner.Handle(ctx, r) })
			w.produce(0, "a")
			w.eventually("committed", w.committedAll(1, 1))
			_, l := w.letter(w.read(dlq)[0])
			require.Contains(t, l.Message, "has to be given to the group itself")
		})
	})
}

// The offsets that a group had of another topic of the same name say nothing
// about a transaction.
func TestADoubtfulTransactionIsNotTakenForACommitOfAnotherTopic(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		w.produce(0, numbered("r", 0, 5)...)
		w.seek(0, 5, "topic-id="+record.TopicID{1}.String()) // What the former one was read up to.
		var cuts atomic.Int32
		w.fault(kmsg.OffsetCommit, kerr.UnknownServerError, -1) // Without results, nothing is committed.
		deliver := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, Err: kerr.CoordinatorLoadInProgress, Count: -1})
		m := w.transform(nil)
		w.eventually("handled", w.seen.all)
		w.cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.DropControl()
			cuts.Add(1)
			m.cable.cut(true)
			return nil, nil, true
		})
		deliver.Remove()
		w.eventually("cut", func() bool { return cuts.Load() == 1 })
		w.pass(8 * time.Second)
		m.cable.cut(false)
		w.eventually("committed", func() bool { return len(w.read(made)) == 5 && w.committed(0) == 5 })
		w.onceEach(1, 5)
		m.addsUp()
	})
}
