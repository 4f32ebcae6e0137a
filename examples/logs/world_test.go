package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/examples/internal/example"
	"sluice/record"
)

// rawOf are the records that traffic of some time becomes, in one partition.
func rawOf(traffic *traffic, d time.Duration) (all []record.Record) {
	for end := traffic.now.Add(d); traffic.now.Before(end); {
		for _, one := range traffic.next() {
			all = append(all, recordOf(one, int64(len(all)), traffic.now))
		}
	}
	return all
}

// recordOf is a shipment as it is in Kafka.
func recordOf(one shipment, offset int64, when time.Time) record.Record {
	value, isText := one.wire.Value.(example.Text)
	bytes := []byte(value)
	if !isText {
		bytes, _ = json.Marshal(one.wire.Value)
	}
	r := record.Record{Topic: testTopics.raw, Offset: offset, Timestamp: when, Key: []byte(one.wire.Key), Value: bytes}
	for _, key := range []string{headerSource, headerSeq, headerZone} {
		if value, there := one.wire.Headers[key]; there {
			r.Headers = append(r.Headers, record.Header{Key: key, Value: []byte(value)})
		}
	}
	return r
}

// eventOf is a record as service B streams it.
func eventOf(r record.Record) example.Event {
	e := example.Event{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: text(r.Key), Headers: map[string]string{}}
	for _, h := range r.Headers {
		e.Headers[h.Key] = text(h.Value)
	}
	switch {
	case r.Value == nil:
		e.Value = json.RawMessage("null")
	case json.Valid(r.Value):
		e.Value = r.Value
	default:
		e.Binary = !utf8.Valid(r.Value)
		e.Value, _ = json.Marshal(text(r.Value))
	}
	return e
}

// world is the example in memory: lines go in, a state handles them, and the
// checker sees what would be streamed.
type world struct {
	t       *testing.T
	check   *checker
	counter *counter
	offset  map[string]int64
	// edit changes what the checker sees, and bug the state after each line.
	edit func(example.Event) []example.Event
	bug  func(*counter)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, check: newChecker(testTopics), counter: newCounter(testTopics), offset: map[string]int64{}}
}

// send sends shipments as the driver does, and has them handled.
func (w *world) send(when time.Time, all ...shipment) {
	w.t.Helper()
	for _, one := range all {
		require.NoError(w.t, w.check.sending(w.t.Context(), one))
		w.write(recordOf(one, 0, when))
	}
}

// write has a record of raw handled and seen, and its results.
func (w *world) write(r record.Record) {
	w.t.Helper()
	w.seen(r)
	for _, result := range handle(w.t, w.counter, r) {
		result.Timestamp = r.Timestamp
		w.seen(result)
	}
	if w.bug != nil {
		w.bug(w.counter)
	}
}

// seen shows a record to the checker, as edit has it.
func (w *world) seen(r record.Record) {
	w.t.Helper()
	r.Offset = w.offset[r.Topic]
	w.offset[r.Topic]++
	events := []example.Event{eventOf(r)}
	if w.edit != nil {
		events = w.edit(events[0])
	}
	for _, e := range events {
		require.NoError(w.t, w.check.follow(e))
		if e.Topic == testTopics.alerts {
			var a alert
			require.NoError(w.t, json.Unmarshal(e.Value, &a))
			w.check.arrived(a)
		}
	}
}

// run sends traffic of some time, and ends the input.
func (w *world) run(d time.Duration) example.Verdict {
	w.t.Helper()
	traffic := newTraffic(3, 30, at, "run")
	for end := at.Add(d); traffic.now.Before(end); {
		lines := traffic.next()
		w.send(traffic.now, lines...)
	}
	w.check.finish()
	return w.check.Verdict()
}

// consumerFunc is a state as a handler, for consumertest.
func consumerFunc(c *counter) consumer.Transform {
	return func(ctx context.Context, r *record.Record) ([]record.Record, error) { return c.Handle(ctx, r) }
}
