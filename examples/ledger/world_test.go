package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/examples/internal/example"
	"sluice/examples/internal/exampletest"
	"sluice/record"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// world is Kafka, as far as the bank needs it: logs in memory, and a processor
// that can be killed before a transaction counts.
type world struct {
	t      *testing.T
	topics topics
	random *rand.Rand
	logs   map[string][][]record.Record // by topic and partition
	states []consumer.State             // of the branches
	open   func(partition int32) consumer.State
	done   map[string][]int // how many records of a partition were handled
	client *client
}

func newWorld(t *testing.T, seed uint64, b bugs) *world {
	t.Helper()
	w := &world{t: t, topics: topicsOf("test."), random: rand.New(rand.NewPCG(seed, 0)), logs: map[string][][]record.Record{}, done: map[string][]int{}}
	for _, topic := range w.topics.list() {
		w.logs[topic.Name] = make([][]record.Record, branches)
		w.done[topic.Name] = make([]int, branches)
	}
	w.client = newClient("test", nil)
	w.client.random = w.random
	w.open = func(partition int32) consumer.State { return (&options{bugs: b}).open(w.topics, partition) }
	w.states = make([]consumer.State, branches)
	for p := range w.states {
		w.restore(p)
	}
	return w
}

// write appends a record where Kafka would.
func (w *world) write(r record.Record, partition int32) {
	r.Partition = partition
	log := w.logs[r.Topic][partition]
	r.Offset = int64(len(log))
	w.logs[r.Topic][partition] = append(log, r)
}

func (w *world) send(l line) {
	w.write(record.Record{Topic: w.topics.transfers, Key: []byte(l.key), Value: []byte(l.text)}, home(l.key))
}

// sendMany has a client send so many lines.
func (w *world) sendMany(n int) {
	for range n {
		w.send(w.client.next())
	}
}

// step handles a record of one of the partitions, and reports whether there was
// one. Where the processor is killed, what it has made counts for nothing.
func (w *world) step(killed bool) bool {
	w.t.Helper()
	type work struct {
		topic     string
		partition int
	}
	var all []work
	for _, topic := range []string{w.topics.transfers, w.topics.requests} {
		for p, log := range w.logs[topic] {
			if w.done[topic][p] < len(log) {
				all = append(all, work{topic, p})
			}
		}
	}
	if len(all) == 0 {
		return false
	}
	next := all[w.random.IntN(len(all))]
	r := w.logs[next.topic][next.partition][w.done[next.topic][next.partition]]
	var made []record.Record
	if next.topic == w.topics.transfers {
		result := consumertest.Handle(w.t.Context(), intake(w.topics), r)
		require.Equal(w.t, consumertest.Handled, result.Outcome, result)
		made = result.Made
	} else {
		var err error
		made, err = w.states[next.partition].Handle(w.t.Context(), &r)
		require.NoError(w.t, err)
	}
	if killed {
		w.restore(next.partition)
		return true
	}
	for _, m := range made {
		to := home(string(m.Key))
		if m.Topic == w.topics.balances {
			to = int32(next.partition)
		}
		w.write(m, to)
	}
	w.done[next.topic][next.partition]++
	return true
}

// restore makes the state of a branch anew, of what a compacted table may have
// kept.
func (w *world) restore(partition int) {
	w.t.Helper()
	w.states[partition] = w.open(int32(partition))
	log := w.logs[w.topics.balances][partition]
	newest := map[string]int{}
	for i, r := range log {
		newest[string(r.Key)] = i
	}
	for i, r := range log {
		if newest[string(r.Key)] == i || w.random.IntN(2) == 0 {
			require.NoError(w.t, w.states[partition].Restore(&r))
		}
	}
}

// run handles all there is, and kills a processor now and then.
func (w *world) run() {
	w.t.Helper()
	for w.step(w.random.IntN(50) == 0) {
	}
}

// audit has a new auditor look at everything, in any order of the partitions.
func (w *world) audit() example.Verdict {
	w.t.Helper()
	a := newAuditor(w.topics, 0)
	type log struct {
		topic     string
		partition int32
		records   []record.Record
	}
	var logs []log
	for _, topic := range w.topics.list() {
		for p, records := range w.logs[topic.Name] {
			if topic.Name != w.topics.requests && len(records) > 0 {
				logs = append(logs, log{topic.Name, int32(p), records})
			}
		}
	}
	for len(logs) > 0 {
		i := w.random.IntN(len(logs))
		l := &logs[i]
		for range min(1+w.random.IntN(20), len(l.records)) {
			require.NoError(w.t, a.take(event(l.topic, l.partition, l.records[0])))
			l.records = l.records[1:]
		}
		if len(l.records) == 0 {
			logs = slices.Delete(logs, i, i+1)
		}
	}
	return a.verdict()
}

// event is a record as service B shows it.
func event(topic string, partition int32, r record.Record) example.Event {
	value := json.RawMessage(r.Value)
	if !json.Valid(value) {
		value, _ = json.Marshal(string(r.Value))
	}
	return example.Event{Topic: topic, Partition: partition, Offset: r.Offset, Key: string(r.Key), Value: value}
}

// figure is one of a verdict.
func figure(t *testing.T, v example.Verdict, name string) int64 {
	t.Helper()
	for _, f := range v.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	require.Fail(t, "there is no figure "+name)
	return 0
}
