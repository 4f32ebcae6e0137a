// Package producertest gives the tests of service A a cluster, a connected
// writer, and faults.
package producertest

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"sluice/internal/kafka"
	"sluice/internal/producer"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// World is a cluster and a writer that is connected to it.
type World struct {
	t       testing.TB
	Cluster *kfake.Cluster
	Writer  *producer.Writer
	Conn    kafka.Config
}

// Topic is the topic of the world.
const Topic = "events"

// New starts a cluster of one broker with Topic in it, and a writer with the
// default settings, changed. All of it ends with the test.
func New(t testing.TB, change func(*producer.Config), opts ...kfake.Opt) *World {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(4, Topic)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	w := &World{t: t, Cluster: cluster, Conn: kafka.Config{Brokers: cluster.ListenAddrs(), Create: true}}
	w.Writer = StartWriter(t, w.Conn, change)
	w.Await(func() bool { return w.Writer.Ready() == nil })
	return w
}

// StartWriter starts a writer, which ends with the test. Kafka need not be there.
func StartWriter(t testing.TB, conn kafka.Config, change func(*producer.Config)) *producer.Writer {
	t.Helper()
	cfg := producer.DefaultConfig()
	cfg.Topic = Topic
	if change != nil {
		change(&cfg)
	}
	writer := producer.NewWriter(cfg, conn, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	var wg sync.WaitGroup
	wg.Go(func() { _ = writer.Run(context.Background()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		writer.Close(ctx) // A test that stopped the broker leaves records behind.
		wg.Wait()
	})
	return writer
}

// Await polls until a condition holds; the test's own time-out is the limit.
func (w *World) Await(ok func() bool) {
	w.t.Helper()
	require.Eventually(w.t, ok, time.Minute, 5*time.Millisecond)
}

// Write writes one record with the value as its identity.
func (w *World) Write(value string, change func(*kgo.Record)) (*kgo.Record, *producer.Error) {
	return WriteTo(w.Writer, Topic, value, change)
}

// WriteTo writes one record to a topic.
func WriteTo(writer *producer.Writer, topic, value string, change func(*kgo.Record)) (*kgo.Record, *producer.Error) {
	b, refusal := writer.Admit(nil, int64(len(value)))
	if refusal != nil {
		return nil, refusal
	}
	defer b.Release()
	b.Topic = topic
	r := b.Add()
	r.Value = []byte(value)
	if change != nil {
		change(r)
	}
	if err := writer.Write(context.Background(), b, time.Hour); err != nil {
		return nil, err
	}
	place, err := b.Result(0)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{Topic: topic, Partition: place.Partition, Offset: place.Offset, Timestamp: place.Timestamp}, nil
}

// Know waits until the writer knows the topics, or that there are none of these
// names: the first question may take longer than a request waits for it.
func (w *World) Know(topics ...string) {
	w.t.Helper()
	for _, topic := range topics {
		w.Await(func() bool {
			// Refused in any case, but not before the topic is known.
			_, err := WriteTo(w.Writer, topic, "", func(r *kgo.Record) { r.Value = make([]byte, 64<<20) })
			return err.Reason != producer.Away
		})
	}
}

// Values reads what is in the topic, with the number of times that it is.
func (w *World) Values(topic string) map[string]int {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Conn.Brokers...), kgo.ConsumeTopics(topic))
	require.NoError(w.t, err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(context.Background(), topic)
	require.NoError(w.t, err)
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	found := map[string]int{}
	for left > 0 {
		fetches := client.PollFetches(context.Background())
		require.NoError(w.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { found[string(r.Value)]++; left-- })
	}
	return found
}

// HoldProduce makes the cluster keep produce requests unanswered. It returns a
// channel that tells when the first one has come, and a function that lets go.
func (w *World) HoldProduce() (held chan struct{}, release func()) {
	held, let := make(chan struct{}), make(chan struct{})
	var once, done sync.Once
	w.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.Cluster.KeepControl()
		once.Do(func() { close(held) })
		w.Cluster.SleepControl(func() { <-let })
		return nil, nil, false
	})
	release = func() { done.Do(func() { close(let) }) }
	w.t.Cleanup(release)
	return held, release
}

// Cutter listens, and can end every connection that it accepted.
type Cutter struct {
	mu    sync.Mutex
	conns []net.Conn
}

// Listen is for kfake.ListenFn.
func (c *Cutter) Listen(network, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), network, address)
	return &cutListener{l, c}, err
}

// Cut ends every connection that is open.
func (c *Cutter) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

type cutListener struct {
	net.Listener
	Cutter *Cutter
}

func (l *cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.Cutter.mu.Lock()
		l.Cutter.conns = append(l.Cutter.conns, conn)
		l.Cutter.mu.Unlock()
	}
	return conn, err
}
