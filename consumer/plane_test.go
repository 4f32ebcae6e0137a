package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/record"
)

// The tests of this file run like those of sockets_test.go: with the race
// detector, and on real brokers too.

// start runs a member with settings of its own.
func (s *sandbox) start(h consumer.Handler, change func(*consumer.Config)) (g *consumer.Group, stop func()) {
	s.t.Helper()
	cfg := consumer.Config{
		Name: "test", Topics: []string{s.topic}, Group: s.group,
		Retry: consumer.Retry{Attempts: 3, First: 10 * time.Millisecond, Max: 50 * time.Millisecond},
	}
	change(&cfg)
	g, err := consumer.New(cfg, h, consumer.Deps{
		Client: s.options(), Log: slog.New(s.log), Metrics: prometheus.NewRegistry(), Create: true,
	})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Run(ctx); err != nil {
			s.t.Errorf("run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	s.t.Cleanup(stop)
	return g, stop
}

// produceKeys writes n records of so many keys to each partition.
func (s *sandbox) produceKeys(partitions int32, n, keys int) {
	s.t.Helper()
	for i := range n {
		for p := range partitions {
			r := &kgo.Record{Topic: s.topic, Partition: p, Key: fmt.Append(nil, "k", i%keys), Value: fmt.Append(nil, i)}
			s.client.Produce(s.t.Context(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					s.t.Errorf("produce: %v", err)
				}
			})
		}
	}
	require.NoError(s.t, s.client.Flush(s.t.Context()))
}

// done waits until the group has committed all of the topic.
func (s *sandbox) done(topics ...string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		ends, err := s.admin.ListEndOffsets(s.t.Context(), topics...)
		if err != nil {
			return false
		}
		offsets, err := s.admin.FetchOffsets(s.t.Context(), s.group)
		if err != nil {
			return false
		}
		done := true
		ends.Each(func(end kadm.ListedOffset) {
			at, ok := offsets.Lookup(end.Topic, end.Partition)
			done = done && ok && at.At == end.Offset
		})
		return done
	}, time.Minute, 50*time.Millisecond)
}

// visible reads all of a topic as readers of committed records do.
func (s *sandbox) visible(name string) []*kgo.Record {
	s.t.Helper()
	w := &world{t: s.t}
	return w.readWith(s.admin, name, s.options())
}

func TestKeysPoisonAndDeadLettersOnSockets(t *testing.T) {
	const partitions, records, keys = 3, 400, 20
	s := newSandbox(t, partitions)
	s.produceKeys(partitions, records, keys)
	var mu sync.Mutex
	last, handled := map[string]int64{}, map[place]int{}
	h := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		lane := fmt.Sprint(r.Partition, string(r.Key))
		mu.Lock()
		defer mu.Unlock()
		if r.Offset < last[lane] {
			t.Errorf("%s: offset %d after %d", lane, r.Offset, last[lane])
		}
		last[lane] = r.Offset
		switch r.Offset % 50 {
		case 7:
			return errRefused
		case 8:
			panic("poison")
		case 9:
			return consumer.Permanent(errors.New("poison"))
		}
		handled[place{r.Partition, r.Offset}]++
		return nil
	})
	g, stop := s.start(h, func(c *consumer.Config) { c.Order = consumer.OrderKey })
	looked := make(chan struct{})
	ctx, enough := context.WithCancel(t.Context())
	go func() { // States add up while all this goes on.
		defer close(looked)
		for ctx.Err() == nil {
			if st := g.Status().Records; sumOf(st) != st.In {
				t.Errorf("%+v", st)
			}
		}
	}()
	s.done(s.topic)
	enough()
	<-looked
	stop()
	require.Len(t, handled, partitions*(records-3*records/50))
	letters := s.visible(deadletter.Topic(s.topic, s.group))
	require.Len(t, letters, partitions*3*records/50)
	classes := map[deadletter.Class]int{}
	for _, r := range letters {
		_, l := (&world{t: t}).letter(r)
		classes[l.Class]++
		require.Equal(t, l.Partition, r.Partition)
		require.Zero(t, handled[place{l.Partition, l.Offset}])
	}
	each := partitions * records / 50
	require.Equal(t, map[deadletter.Class]int{deadletter.Exhausted: each, deadletter.Panic: each, deadletter.Permanent: each}, classes)
	st := g.Status().Records
	require.Equal(t, int64(partitions*records), st.OK+st.Dead)
}

func TestATransformOnSockets(t *testing.T) {
	const partitions, records = 3, 300
	s := newSandbox(t, partitions)
	s.produceKeys(partitions, records, 10)
	out := s.topic + "-made"
	_, err := s.admin.CreateTopic(t.Context(), 2, 1, nil, out)
	require.NoError(t, err)
	huge := noise(2 << 20)
	h := func() consumer.Transform {
		return func(_ context.Context, r *record.Record) ([]record.Record, error) {
			if r.Offset%100 == 42 {
				return []record.Record{{Topic: out, Value: huge}}, nil
			}
			return []record.Record{{Topic: out, Key: r.Key, Value: fmt.Appendf(nil, "%d/%d", r.Partition, r.Offset)}}, nil
		}
	}
	keyed := func(c *consumer.Config) { c.Order = consumer.OrderKey }
	_, stop := s.start(h(), keyed)
	require.Eventually(t, func() bool { return len(s.visible(out)) > 50 }, time.Minute, 20*time.Millisecond)
	_, _ = s.start(h(), keyed) // Another one joins in the middle, and the first one leaves.
	stop()
	s.done(s.topic)
	const results = partitions * (records - records/100)
	// What is behind a transaction that was not ended is hidden for ten seconds.
	require.Eventually(t, func() bool { return len(s.visible(out)) >= results }, 30*time.Second, 100*time.Millisecond)
	seen := map[string]int{}
	for _, r := range s.visible(out) {
		seen[string(r.Value)]++
	}
	require.Len(t, seen, results)
	for value, n := range seen {
		require.Equal(t, 1, n, value)
	}
	require.GreaterOrEqual(t, len(s.visible(deadletter.Topic(s.topic, s.group))), partitions*records/100)
}
