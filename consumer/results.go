package consumer

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/record"
)

// results are records of a partition that a Transform has handled, from the
// committed position on, with what it has made of them. They are kept until
// their transaction is known to be committed, so a transaction that fails is
// repeated without calling the handler again.
type results struct {
	entries []*entry
	bytes   int
	// refused is set while the first of them, whose results Kafka did not
	// take, is on its way to the dead letters. Nothing is committed meanwhile.
	refused bool
}

// add takes an entry whose turn in the window has come.
func (r *results) add(e *entry) {
	if e.uncommitted {
		r.entries = append(r.entries, e)
		r.bytes += e.weight()
	}
}

// drop takes the first n off.
func (r *results) drop(n int) {
	for _, e := range r.entries[:n] {
		r.bytes -= e.weight()
		e.results, e.uncommitted = nil, false
	}
	r.entries = r.entries[n:]
	if len(r.entries) == 0 {
		r.entries = nil
	}
}

func (e *entry) weight() int {
	n := size(e.kafka)
	for _, r := range e.results {
		n += size(r)
	}
	return n
}

// refuse gives up the first record that is not committed, because Kafka does
// not take what was made of it.
func (p *partition) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced || p.results.refused || len(p.results.entries) == 0 {
		return
	}
	p.results.refused = true
	e := p.results.entries[0]
	now := time.Now()
	l := &lane{
		partition: p, first: e, last: e, began: now,
		attempts: 1, failures: [2]time.Time{now, now},
		failed: &failure{err: fmt.Errorf("a result was refused by Kafka: %w", err), class: deadletter.Permanent},
	}
	p.busy[l] = true
	if p.group.config.OnFailure == Stop || p.stateful() {
		p.halt(l, fmt.Errorf("a result of offset %d was refused: %w", e.kafka.Offset, err))
		return
	}
	p.group.letters.send(&burial{partition: p, lane: l, letter: p.letterOf(l, deadletter.Permanent)})
}

// unrefuse goes on after the dead letter of a record whose results were refused.
func (p *partition) unrefuse(e *entry) {
	if p.results.refused && p.results.entries[0] == e {
		p.results.drop(1)
		p.results.refused = false
		p.group.commits.soon()
	}
}

// toKafka makes of a Transform's results what is written.
func toKafka(made []record.Record) ([]*kgo.Record, error) {
	if len(made) == 0 {
		return nil, nil
	}
	out := make([]*kgo.Record, len(made))
	for i := range made {
		m := &made[i]
		if !topicName.MatchString(m.Topic) {
			return nil, Permanent(fmt.Errorf("the handler returned a record for topic %q, which is not a topic's name", m.Topic))
		}
		if err := writable(m.Timestamp); err != nil {
			return nil, Permanent(fmt.Errorf("the handler returned a record for topic %s: %w", m.Topic, err))
		}
		r := &kgo.Record{Topic: m.Topic, Partition: kafka.AnyPartition, Key: m.Key, Value: m.Value, Timestamp: m.Timestamp}
		for _, h := range m.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader(h))
		}
		out[i] = r
	}
	return out, nil
}
