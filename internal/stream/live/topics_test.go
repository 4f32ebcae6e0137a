package live_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/stream/live"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

func (w *world) topics(headers ...string) (names []string, all live.TopicList) {
	w.Helper()
	a := w.get("/topics", headers...)
	require.Equal(w, 200, a.Status, a.Body)
	require.NoError(w, json.Unmarshal([]byte(a.Body), &all))
	names = []string{}
	for _, t := range all.Topics {
		names = append(names, t.Name)
	}
	return names, all
}

func TestTopics(t *testing.T) {
	w := newWorld(t, func(w *world) { w.policy.Patterns = []string{"orders*", "not-there", "named.dlq"} })
	for _, name := range []string{"orders", "orders.eu", "orders.g.dlq", "other", "named.dlq", "__x"} {
		w.topic(name, 2)
	}
	w.produce("orders", 2, 5)
	w.deleteBelow("orders", 1, 2)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.BeginTransaction())
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders"}).FirstErr())

	names, all := w.topics()
	require.Equal(t, []string{"named.dlq", "orders", "orders.eu"}, names)
	orders := all.Topics[1]
	require.Len(t, orders.TopicID, 22)
	number := func(n int64) *int64 { return &n }
	require.Equal(t, []live.ReadablePartition{
		{Partition: 0, Start: number(0), End: number(5), HighWatermark: number(6)},
		{Partition: 1, Start: number(2), End: number(5), HighWatermark: number(5)},
	}, orders.Partitions)
	require.Equal(t, 422, w.get("/topics?x=1").Status)
	require.NoError(t, client.EndTransaction(t.Context(), kgo.TryAbort))
}

func TestNoTopics(t *testing.T) {
	w := newWorld(t, func(w *world) { w.policy.Patterns = nil })
	w.topic("orders", 1)
	names, _ := w.topics()
	require.Empty(t, names)
}

// However many ask, Kafka is asked once a second.
func TestTopicsAreAskedForOnce(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	var asked atomic.Int32
	w.kafka.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked.Add(1)
		w.kafka.KeepControl()
		return nil, nil, false
	})
	var asking sync.WaitGroup
	begin := time.Now()
	for range 100 {
		asking.Go(func() { w.get("/topics") })
	}
	asking.Wait()
	rounds := int32(time.Since(begin)/time.Second) + 1
	require.LessOrEqual(t, asked.Load(), 3*rounds)
}

func TestTopicsWhileKafkaIsAway(t *testing.T) {
	w := newWorld(t)
	w.kafka.Close()
	a := w.get("/topics")
	require.Equal(t, 503, w.problem(a).Status)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
}
