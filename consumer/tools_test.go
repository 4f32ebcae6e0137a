package consumer_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/record"
)

// setting changes the settings of a member.
type setting = func(*consumer.Config, *consumer.Deps)

func ordered(o consumer.Order) setting {
	return func(c *consumer.Config, _ *consumer.Deps) { c.Order = o }
}

func concurrency(n int) setting {
	return func(c *consumer.Config, _ *consumer.Deps) { c.Concurrency = n }
}

// attempts ends the attempts, which follow each other after a second.
func attempts(n int) setting {
	return func(c *consumer.Config, _ *consumer.Deps) {
		c.Retry = consumer.Retry{Attempts: n, First: time.Second, Max: time.Second}
	}
}

func stops(c *consumer.Config, _ *consumer.Deps) { c.OnFailure = consumer.Stop }

// gate is a handler that holds each record until its value is let through.
type gate struct {
	mu   sync.Mutex
	open map[string]chan struct{}
	in   map[string]bool
	most int
}

func newGate() *gate { return &gate{open: map[string]chan struct{}{}, in: map[string]bool{}} }

func (g *gate) work(ctx context.Context, r *record.Record) error {
	value := string(r.Value)
	g.mu.Lock()
	g.in[value] = true
	g.most = max(g.most, len(g.in))
	open := g.of(value)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.in, value)
	}()
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) of(value string) chan struct{} {
	if g.open[value] == nil {
		g.open[value] = make(chan struct{})
	}
	return g.open[value]
}

// let lets values through.
func (g *gate) let(values ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, value := range values {
		close(g.of(value))
	}
}

// inside returns the values that are held.
func (g *gate) inside() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.in))
}

// holds waits until exactly these are held.
func (g *gate) holds(w *world, values ...string) {
	w.t.Helper()
	slices.Sort(values)
	w.eventually("held", func() bool { return slices.Equal(values, g.inside()) })
	w.pass(time.Second)
	require.Equal(w.t, values, g.inside())
}

// raw writes records as they are, and expects them to be handled.
func (w *world) raw(records ...*kgo.Record) {
	w.t.Helper()
	for _, r := range records {
		w.write(r)
	}
}

// floodKeys writes many small records of a few keys at once.
func (w *world) floodKeys(partition int32, n int, keys ...string) {
	w.t.Helper()
	for i := range n {
		r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(keys[i%len(keys)]), Value: []byte("flood")}
		w.client.Produce(w.t.Context(), r, func(r *kgo.Record, err error) {
			if err != nil {
				w.t.Error(err)
				return
			}
			w.seen.expect(r.Partition, r.Offset, "flood")
		})
	}
	require.NoError(w.t, w.client.Flush(w.t.Context()))
}

// partition returns the member's status of one partition of the topic.
func (m *member) partition(id int32) consumer.PartitionStatus {
	m.w.t.Helper()
	for _, p := range m.Status().Partitions {
		if p.Topic == topic && p.Partition == id {
			return p
		}
	}
	m.w.t.Fatalf("partition %d is not assigned", id)
	return consumer.PartitionStatus{}
}

// times notes when a handler was called.
type times struct {
	mu sync.Mutex
	at []time.Time
}

func (c *times) note() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Now())
	return len(c.at)
}

// pauses returns the time between calls.
func (c *times) pauses() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var d []time.Duration
	for i := 1; i < len(c.at); i++ {
		d = append(d, c.at[i].Sub(c.at[i-1]))
	}
	return d
}

func (c *times) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.at)
}

// within checks that a duration is in a closed range.
func within(t *testing.T, d, from, to time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, d, from)
	require.LessOrEqual(t, d, to)
}

// writeTo writes values to another topic.
func (w *world) writeTo(name string, values ...string) {
	w.t.Helper()
	for _, value := range values {
		r := &kgo.Record{Topic: name, Value: []byte(value)}
		require.NoError(w.t, w.client.ProduceSync(w.t.Context(), r).FirstErr())
	}
}
