package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"

	"sluice/internal/stream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// world is a Kafka in memory, somebody who writes to it, and hubs.
type world struct {
	*testing.T
	kafka *kfake.Cluster
	write *kgo.Client
	admin *kadm.Client
	cfg   stream.Config
}

func newWorld(t *testing.T, opts ...kfake.Opt) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &world{T: t, kafka: cluster, write: client, admin: kadm.NewClient(client), cfg: stream.DefaultConfig()}
}

func (w *world) topic(name string, partitions int32) {
	w.Helper()
	_, err := w.admin.CreateTopic(w.Context(), partitions, 1, nil, name)
	require.NoError(w, err)
}

// hub returns a replica, which ends with the test.
func (w *world) hub() *stream.Hub {
	w.Helper()
	h, err := stream.New(w.cfg, stream.Deps{
		Client:  []kgo.Opt{kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.MetadataMinAge(100e6)},
		Log:     slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(),
	})
	require.NoError(w, err)
	w.Cleanup(h.Close)
	return h
}

// produce writes n records to each partition, whose values are their numbers.
func (w *world) produce(topic string, partitions int32, n int) {
	w.Helper()
	var records []*kgo.Record
	for i := range n {
		for p := range partitions {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Key: fmt.Appendf(nil, "k%d", i%10), Value: fmt.Appendf(nil, `{"n":%d}`, i)})
		}
	}
	require.NoError(w, w.write.ProduceSync(w.Context(), records...).FirstErr())
}

// client is somebody who watches.
type client struct {
	*world
	hub    *stream.Hub
	cancel context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	wake   chan struct{}
	events []event
}

// event is what a client has got.
type event struct {
	Name string `json:"event"`
	ID   string `json:"id"`
	Data struct {
		stream.Gap
		Partition int32           `json:"partition"`
		Offset    int64           `json:"offset"`
		Key       string          `json:"key"`
		Value     json.RawMessage `json:"value"`
	} `json:"data"`
}

// watch opens a stream and reads it in the background.
func (w *world) watch(h *stream.Hub, r stream.Request) *client {
	w.Helper()
	c, err := w.open(h, r)
	require.NoError(w, err)
	return c
}

func (w *world) open(h *stream.Hub, r stream.Request) (*client, error) {
	r.Form.Format = stream.JSON
	feed, err := h.Open(w.Context(), r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(w.Context())
	c := &client{world: w, hub: h, cancel: cancel, ended: make(chan error, 1), wake: make(chan struct{}, 1)}
	go func() {
		err := feed.Run(ctx, c)
		feed.Close()
		c.ended <- err
	}()
	w.Cleanup(func() { c.close() })
	return c, nil
}

// close ends the stream as a client does that goes away.
func (c *client) close() {
	c.cancel()
	c.ended <- <-c.ended
}

func (c *client) add(frame []byte) error {
	var e event
	if err := json.Unmarshal(frame, &e); err != nil {
		return fmt.Errorf("frame %s: %w", frame, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

func (c *client) Frames(all []byte, ends []int) error {
	from := 0
	for _, end := range ends {
		if err := c.add(all[from:end]); err != nil {
			return err
		}
		from = end
	}
	return nil
}

func (c *client) Frame(head, body []byte) error {
	return c.add(append(append([]byte(nil), head...), body...))
}

func (c *client) Event(name, id string, data []byte) error {
	return c.add(fmt.Appendf(nil, `{"event":%q,"id":%q,"data":%s}`, name, id, data))
}

func (c *client) Beat() error  { return nil }
func (c *client) Flush() error { return nil }
func (c *client) Cut()         {}

// until waits until what the client has got is enough, and returns it.
func (c *client) until(enough func([]event) bool) []event {
	c.Helper()
	for {
		c.mu.Lock()
		got := c.events
		c.mu.Unlock()
		if enough(got) {
			return got
		}
		select {
		case <-c.wake:
		case err := <-c.ended:
			c.ended <- err
			c.mu.Lock()
			got = c.events
			c.mu.Unlock()
			if enough(got) {
				return got
			}
			require.FailNow(c, "the stream has ended", "%v, after %v", err, names(got))
		case <-c.Context().Done():
			require.FailNow(c, "not enough", "%v", names(got))
		}
	}
}

// seen waits until an event of the name has come.
func (c *client) seen(name string) event {
	c.Helper()
	got := c.until(func(all []event) bool { return len(named(all, name)) > 0 })
	return named(got, name)[0]
}

// records waits for n records and returns them.
func (c *client) records(n int) []event {
	c.Helper()
	return named(c.until(func(all []event) bool { return len(named(all, "message")) >= n }), "message")
}

// lastID returns the id of the last event that had one.
func (c *client) lastID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.events) {
		if e.ID != "" {
			return e.ID
		}
	}
	return ""
}

func named(all []event, name string) []event {
	var some []event
	for _, e := range all {
		if e.Name == name {
			some = append(some, e)
		}
	}
	return some
}

func names(all []event) []string {
	var out []string
	for _, e := range all {
		out = append(out, e.Name)
	}
	return out
}

// inOrder checks that the records of each partition follow each other from an
// offset on, none left out, none repeated, and returns how many each had.
func inOrder(t *testing.T, records []event, from map[int32]int64) map[int32]int64 {
	t.Helper()
	next := map[int32]int64{}
	maps.Copy(next, from)
	for _, e := range records {
		require.Equal(t, next[e.Data.Partition], e.Data.Offset, "partition %d", e.Data.Partition)
		next[e.Data.Partition]++
	}
	return next
}
