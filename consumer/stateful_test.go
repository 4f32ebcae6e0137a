package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

// counts is the table of a counter.
const counts = "counts"

// counter counts the records of each key, and makes a result of each count.
type counter struct {
	partition int32
	seen      map[string]int
	work      func(r *record.Record) error
}

func (c *counter) Restore(r *record.Record) error {
	if r.Partition != c.partition {
		return fmt.Errorf("a state of partition %d", r.Partition)
	}
	if r.Value == nil {
		delete(c.seen, string(r.Key))
		return nil
	}
	n, err := strconv.Atoi(string(r.Value))
	c.seen[string(r.Key)] = n
	return err
}

func (c *counter) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	if c.work != nil {
		if err := c.work(r); err != nil {
			return nil, err
		}
	}
	c.seen[string(r.Key)]++
	n := c.seen[string(r.Key)]
	result := fmt.Appendf(nil, "%s=%d", r.Key, n)
	if string(r.Value) == "huge" {
		result = noise(2 << 20)
	}
	return []record.Record{
		{Topic: counts, Key: r.Key, Value: []byte(strconv.Itoa(n))},
		{Topic: made, Key: r.Key, Value: result},
	}, nil
}

// count starts a member that counts. work may fail before it does.
func (w *world) count(work func(r *record.Record) error, change ...setting) *member {
	w.t.Helper()
	w.mayBury()
	c := &cable{connect: w.network.DialContext}
	w.cables = append(w.cables, c)
	registry := prometheus.NewRegistry()
	cfg := defaultConfig()
	deps := consumer.Deps{Client: w.via(c), Log: slog.New(w.log), Metrics: registry, Create: true}
	for _, f := range change {
		f(&cfg, &deps)
	}
	g, err := consumer.New(cfg, stateful(work), deps)
	require.NoError(w.t, err)
	m := w.run(g, registry)
	m.cable = c
	return m
}

func stateful(work func(r *record.Record) error) consumer.Stateful {
	return consumer.Stateful{Table: counts, Open: func(partition int32) consumer.State {
		return &counter{partition, map[string]int{}, work}
	}}
}

// keyOf returns one of the five keys that a partition has for itself.
func keyOf(partition int32, i int) string { return fmt.Sprintf("%d-%c", partition, 'a'+i%5) }

func (w *world) produceKeys(partitions int32, n int) {
	w.t.Helper()
	for i := range n {
		for p := range partitions {
			w.produceKey(p, keyOf(p, i), "x")
		}
	}
}

// counted checks that each key was counted to n, by ones.
func (w *world) counted(partitions int32, n int) {
	w.t.Helper()
	results := w.results(made)
	require.Len(w.t, results, int(partitions)*5*n)
	for p := range partitions {
		for i := range 5 {
			for j := range n {
				value := fmt.Sprintf("%s=%d", keyOf(p, i), j+1)
				require.Equal(w.t, 1, results[value], value)
			}
		}
	}
}

// TestAStateIsWhereItWasWhoeverGoesOn kills, stops and adds members, and lets
// each step of their transactions fail.
func TestAStateIsWhereItWasWhoeverGoesOn(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 4, nil))
		a := w.count(nil)
		w.produceKeys(4, 10)
		w.eventually("committed", w.committedAll(4, 10))
		b := w.count(nil)
		w.produceKeys(4, 20)
		w.eventually("committed", w.committedAll(4, 30))

		a.cable.cut(true) // It dies with what it has in work.
		w.produceKeys(4, 20)
		w.eventually("committed", w.committedAll(4, 50))
		a.cable.cut(false)
		for _, key := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.Heartbeat} {
			what := kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.UnknownMemberID, Count: 2}
			if key == kmsg.Produce {
				what.Topic = made
			}
			fault := w.cluster.Fault(what)
			w.produceKeys(4, 10)
			w.pass(20 * time.Second)
			fault.Remove()
		}
		w.eventually("committed", w.committedAll(4, 90))
		require.NoError(t, b.stop())
		w.produceKeys(4, 10)
		w.eventually("committed", w.committedAll(4, 100))
		w.counted(4, 20)
		a.addsUp()
		b.addsUp()

		for _, r := range w.read(counts) {
			require.Equal(t, strconv.Itoa(int(r.Partition)), string(r.Key[:1]), "a state is in its partition, wherever its key belongs")
		}
		settings := w.cluster.TopicInfo(counts).Configs
		require.Equal(t, "compact", *settings["cleanup.policy"])
	})
}

// A transaction that is not decided yet may have changed the state.
func TestAStateWaitsForWhatIsNotDecided(t *testing.T) {
	for _, commits := range []bool{true, false} {
		t.Run(fmt.Sprint(commits), func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
				w.table(1, "compact")
				before := w.connect(kgo.TransactionalID("before"), kgo.TransactionTimeout(10*time.Minute))
				require.NoError(t, before.BeginTransaction())
				require.NoError(t, before.ProduceSync(t.Context(), &kgo.Record{Topic: counts, Key: []byte(keyOf(0, 0)), Value: []byte("7")}).FirstErr())
				m := w.count(nil)
				w.produceKey(0, keyOf(0, 0), "x")
				w.eventually("placed", func() bool { return m.metric("partitions") == 1 && m.metric("records_queued") == 1 })
				w.pass(minute)
				require.Equal(t, 1.0, m.metric("records_queued"))
				require.Equal(t, "its state is read from table counts", m.Status().Partitions[0].Restoring)
				require.NoError(t, before.EndTransaction(t.Context(), kgo.TransactionEndTry(commits)))
				w.eventually("committed", w.committedAll(1, 1))
				require.Empty(t, m.Status().Partitions[0].Restoring)
				want := keyOf(0, 0) + "=1"
				if commits {
					want = keyOf(0, 0) + "=8"
				}
				require.Equal(t, map[string]int{want: 1}, w.results(made))
			})
		})
	}
}

// table makes the table by hand.
func (w *world) table(partitions int, policy string) {
	w.t.Helper()
	require.NoError(w.t, w.cluster.CreateTopic(counts, int32(partitions), map[string]string{"cleanup.policy": policy}))
}

func TestATableThatIsNotFitForIt(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(w *world, admin *kadm.Client) error
		create  bool
		says    string
		mend    func(w *world, admin *kadm.Client) error // nil: it cannot be mended
	}{
		{
			"missing", func(*world, *kadm.Client) error { return nil }, false,
			"it is missing, and topics are not created here: create it with 2 partitions and cleanup.policy=compact",
			func(w *world, _ *kadm.Client) error { w.table(2, "compact"); return nil },
		},
		{
			"fewer partitions", func(w *world, _ *kadm.Client) error { w.table(1, "compact"); return nil }, true,
			"it has 1 partitions, and events has got more: the states of keys whose records go to another partition now are where they were",
			func(w *world, admin *kadm.Client) error {
				_, err := admin.UpdatePartitions(w.t.Context(), 2, counts)
				return err
			},
		},
		{
			"not compacted", func(w *world, _ *kadm.Client) error { w.table(2, "compact,delete"); return nil }, true,
			`its cleanup.policy is "compact,delete", with which Kafka deletes states: set it to compact`,
			func(w *world, admin *kadm.Client) error {
				_, err := admin.AlterTopicConfigs(w.t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: new("compact")}}, counts)
				return err
			},
		},
		{"cut", func(w *world, admin *kadm.Client) error {
			w.table(2, "compact")
			r := &kgo.Record{Topic: counts, Partition: 1, Key: []byte("k"), Value: []byte("1")}
			if err := w.client.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
				return err
			}
			_, err := admin.DeleteRecords(w.t.Context(), kadm.Offsets{counts: {1: {Topic: counts, Partition: 1, At: 1}}})
			return err
		}, true, "its records below offset 1 were deleted, and with them states", nil},
		{"not what the handler writes", func(w *world, _ *kadm.Client) error {
			w.table(2, "compact")
			return w.client.ProduceSync(w.t.Context(), &kgo.Record{Topic: counts, Partition: 1, Key: []byte("k"), Value: []byte("?")}).FirstErr()
		}, true, `offset 0: strconv.Atoi: parsing "?": invalid syntax`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 2, func(t *testing.T, w *world) {
				admin := kadm.NewClient(w.client)
				require.NoError(t, tt.prepare(w, admin))
				require.NoError(t, w.cluster.CreateTopic(made, 2, nil))
				m := w.count(nil, func(_ *consumer.Config, d *consumer.Deps) { d.Create = tt.create })
				w.produceKeys(2, 1)
				w.eventually("said", func() bool {
					parts := m.Status().Partitions
					return len(parts) == 2 && strings.HasPrefix(parts[1].Restoring, "restore the state of events/1 from table counts: "+tt.says)
				})
				require.Positive(t, w.log.count("restore the state"))
				if tt.mend == nil {
					require.NoError(t, m.stop(), "it does not hold up a stop")
					return
				}
				require.NoError(t, tt.mend(w, admin))
				w.eventually("committed", w.committedAll(2, 1))
			})
		})
	}
}

// A panic may have left the state in pieces. A restart goes on with the one that
// is committed.
func TestAStateInPiecesIsNotUsed(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		m := w.count(func(r *record.Record) error {
			if string(r.Value) == "bad" {
				panic("half-way")
			}
			return nil
		})
		w.produceKey(0, "k", "good")
		w.produceKey(0, "k", "bad")
		w.produceKey(0, "k", "good")
		w.eventually("stopped", func() bool { return m.metric("stopped_partitions") == 1 })
		require.Contains(t, m.Status().Partitions[0].Stopped, "panic in handler: half-way")
		w.eventually("committed", w.committedAll(1, 1))
		require.Zero(t, m.metric("records_dead_total"), "it is not a dead letter that others pass")
		require.NoError(t, m.stop())
		w.count(nil)
		w.eventually("committed", w.committedAll(1, 3))
		require.Equal(t, map[string]int{"k=1": 1, "k=2": 1, "k=3": 1}, w.results(made))
	})
}

// A result that Kafka refuses is in the state, and can never be in the table.
func TestARefusedResultStopsAState(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 1, nil))
		m := w.count(nil)
		w.produceKey(0, "k", "good")
		w.produceKey(0, "k", "huge")
		w.eventually("stopped", func() bool {
			parts := m.Status().Partitions
			return len(parts) == 1 && strings.Contains(parts[0].Stopped, "a result of offset 1 was refused")
		})
		require.Equal(t, int64(1), w.committed(0))
		require.Zero(t, m.metric("records_dead_total"))
		m.addsUp()
	})
}

// A record that was given up comes again where its state is.
func TestARedrivenRecordFindsItsState(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(made, 2, nil))
		down := true
		m := w.count(func(r *record.Record) error {
			if down && string(r.Value) == "bad" {
				return consumer.Permanent(errors.New("cannot be read"))
			}
			return nil
		})
		keys := []string{keyOf(0, 0), keyOf(1, 0)}
		for p, key := range keys {
			w.produceKey(int32(p), key, "good")
			w.produceKey(int32(p), key, "bad")
			w.produceKey(int32(p), key, "good")
		}
		w.eventually("dead", func() bool { return m.metric("records_dead_total") == 2 })
		w.eventually("committed", w.committedAll(2, 3))
		down = false
		require.NoError(t, w.cluster.CreateTopic(retryTopic, 2, nil))
		for _, letter := range w.read(dlq) {
			w.redrive(letter)
		}
		w.eventually("counted again", func() bool { return len(w.results(made)) == 6 })
		for _, key := range keys {
			for n := range 3 {
				require.Equal(t, 1, w.results(made)[fmt.Sprintf("%s=%d", key, n+1)])
			}
		}
		m.addsUp()
	})
}

func TestAStatefulThatCannotWork(t *testing.T) {
	good := stateful(nil)
	for _, tt := range []struct {
		name   string
		h      consumer.Stateful
		change func(*consumer.Config)
		says   string
	}{
		{"no table", consumer.Stateful{Open: good.Open}, nil, `consumer.handlers[test]: table "" is not a topic's name`},
		{"two topics", good, func(c *consumer.Config) { c.Topics = []string{"a", "b"} }, "a handler with a state has one topic"},
		{"its own topic", consumer.Stateful{Table: topic, Open: good.Open}, nil, "topic events cannot be the handler's table, too"},
		{"no order", good, func(c *consumer.Config) { c.Order = consumer.OrderNone }, "with order none, an earlier state of a key could be written behind a later one"},
		{"nothing to open", consumer.Stateful{Table: counts}, nil, "a consumer.Stateful needs Open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := defaultConfig()
			if tt.change != nil {
				tt.change(&cfg)
			}
			_, err := consumer.New(cfg, tt.h, consumer.Deps{Log: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, err, tt.says)
		})
	}
	_, err := consumer.Try(t.Context(), good, &record.Record{})
	require.ErrorContains(t, err, "has to be given to the group itself")
}
