package redrive_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/internal/redrive"
	"sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	topic = "orders"
	group = "billing"
)

var (
	dlq      = deadletter.Topic(topic, group)
	retry    = deadletter.Retry(topic, group)
	redrives = deadletter.Redrives(topic, group)
	anybody  = redrive.Caller{}
	failedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
)

// world is a cluster with the topic "orders" and, of the group "billing", its
// dead letters.
type world struct {
	t       *testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
	log     *lockedBuffer
}

func newWorld(t *testing.T, opts ...kfake.Opt) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, topic), kfake.SeedTopics(2, dlq)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	w := &world{t: t, cluster: cluster, log: &lockedBuffer{}}
	w.client, err = kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(32<<20))
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	return w
}

// service makes a service that is closed at the end of the test.
func (w *world) service(change ...func(*redrive.Deps)) *redrive.Service {
	w.t.Helper()
	opts, err := kafka.Config{Brokers: w.cluster.ListenAddrs()}.Options(slog.New(slog.DiscardHandler))
	require.NoError(w.t, err)
	d := redrive.Deps{Client: opts, Create: true, Log: slog.New(slog.NewJSONHandler(w.log, nil))}
	for _, c := range change {
		c(&d)
	}
	s := redrive.New(d)
	s.Hasten(20*time.Second, 10)
	w.t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// block is that of a letter as the group writes it.
func block(partition int32, offset int64) deadletter.Letter {
	return deadletter.Letter{
		Topic: topic, TopicID: record.TopicID{1, 2, 3}, Partition: partition, Offset: offset, Timestamp: failedAt.Add(-time.Hour),
		Group: group, Handler: "invoice", Attempts: 8, Class: deadletter.Exhausted, Message: "the bank does not answer",
		FirstFailure: failedAt.Add(-time.Minute), LastFailure: failedAt,
	}
}

// letter makes a dead letter.
func letter(l deadletter.Letter, key, value []byte, headers ...record.Header) *kgo.Record {
	r := &kgo.Record{Topic: deadletter.Topic(l.Topic, l.Group), Partition: l.Partition % 2, Key: key, Value: value}
	for _, h := range l.Append(headers) {
		r.Headers = append(r.Headers, kgo.RecordHeader(h))
	}
	return r
}

// fill writes letters of the partitions 0 to 2, which differ in their offsets.
func (w *world) fill(from, to int) {
	w.t.Helper()
	for i := from; i < to; i++ {
		w.produce(letter(block(int32(i%3), int64(i)), fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %d", i)))
	}
}

func (w *world) produce(rs ...*kgo.Record) {
	w.t.Helper()
	require.NoError(w.t, w.client.ProduceSync(w.t.Context(), rs...).FirstErr())
}

// run redrives, and waits for the end.
func (w *world) run(s *redrive.Service, change ...func(*redrive.Request)) redrive.Redrive {
	w.t.Helper()
	q := redrive.Request{Group: group}
	for _, c := range change {
		c(&q)
	}
	started, err := s.Start(w.t.Context(), q, redrive.Caller{Name: "ops"})
	require.NoError(w.t, err)
	require.Equal(w.t, redrive.Running, started.State)
	ended, err := s.Wait(w.t.Context(), group, started.ID)
	require.NoError(w.t, err)
	return ended
}

// done is run for what has to succeed.
func (w *world) done(s *redrive.Service, change ...func(*redrive.Request)) redrive.Counts {
	w.t.Helper()
	ended := w.run(s, change...)
	require.Equal(w.t, redrive.Done, ended.State, ended.Error)
	return ended.Counts
}

// read returns what a reader of committed records finds in a topic.
func (w *world) read(name string) []*kgo.Record {
	w.t.Helper()
	ends, err := w.admin().ListEndOffsets(w.t.Context(), name)
	require.NoError(w.t, err)
	left := map[int32]int64{}
	parts := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Offset > 0 {
			left[o.Partition], parts[o.Partition] = o.Offset, kgo.NewOffset().AtStart()
		}
	})
	if len(left) == 0 {
		return nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: parts}))
	require.NoError(w.t, err)
	defer reader.Close()
	var all []*kgo.Record
	for len(left) > 0 {
		fetches := reader.PollFetches(w.t.Context())
		require.NoError(w.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return all
}

// admin returns an administration client that remembers nothing.
func (w *world) admin() *kadm.Client {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...))
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// exactlyOnce requires that the retry topic has the letters from 0 to n, each
// once, and that each has one receipt.
func (w *world) exactlyOnce(n int) {
	w.t.Helper()
	seen := map[string]int{}
	for _, r := range w.read(retry) {
		seen[string(r.Value)]++
	}
	want := map[string]int{}
	for i := range n {
		want[fmt.Sprintf("value %d", i)] = 1
	}
	require.Equal(w.t, want, seen)
	require.Len(w.t, w.receipts(), n)
}

// receipts are the keys of the receipts that there are.
func (w *world) receipts() map[string]int {
	w.t.Helper()
	keys := map[string]int{}
	for _, r := range w.read(redrives) {
		if !bytes.HasPrefix(r.Key, []byte("redrive/")) {
			keys[string(r.Key)]++
		}
	}
	for key, n := range keys {
		require.Equal(w.t, 1, n, key)
	}
	return keys
}

// transaction opens one in a topic, and returns what commits it.
func (w *world) transaction(name string) (commit func()) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.TransactionalID("somebody else"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	require.NoError(w.t, client.BeginTransaction())
	require.NoError(w.t, client.ProduceSync(w.t.Context(), &kgo.Record{Topic: name, Key: []byte("x")}).FirstErr())
	return func() { require.NoError(w.t, client.EndTransaction(w.t.Context(), kgo.TryCommit)) }
}

// redriveWhileOpen redrives, sees that it waits, and lets it go on.
func (w *world) redriveWhileOpen(commit func()) redrive.Counts {
	w.t.Helper()
	fetched := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: redrives, Observe: true, Count: -1})
	s := w.service()
	started, err := s.Start(w.t.Context(), redrive.Request{Group: group}, anybody)
	require.NoError(w.t, err)
	require.NoError(w.t, fetched.Wait(w.t.Context(), 3))
	status, err := s.Get(w.t.Context(), group, started.ID, anybody)
	require.NoError(w.t, err)
	require.Equal(w.t, redrive.Running, status.State)
	commit()
	status, err = s.Wait(w.t.Context(), group, started.ID)
	require.NoError(w.t, err)
	require.Equal(w.t, redrive.Done, status.State, status.Error)
	return status.Counts
}

// lockedBuffer is a log that may be read meanwhile.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// cable is the way of one service to the cluster. It breaks for good at the
// n-th request that matters: before Kafka has it, or after, with the answer
// lost.
type cable struct {
	mu      sync.Mutex
	left    int
	deliver bool
	keys    []kmsg.Key // that matter; all when empty
	broken  chan struct{}
	conns   []net.Conn
}

func newCable(n int, deliver bool, keys ...kmsg.Key) *cable {
	return &cable{left: n, deliver: deliver, keys: keys, broken: make(chan struct{})}
}

func (c *cable) attach(d *redrive.Deps) { d.Client = append(d.Client, kgo.Dialer(c.dial)) }

var errCut = errors.New("the cable is cut")

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		return nil, errCut
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
		conn = &plug{Conn: conn, cable: c}
	}
	return conn, err
}

// plug is the end of a cable.
type plug struct {
	net.Conn
	cable *cable
}

func (p *plug) Write(b []byte) (int, error) {
	c := p.cable
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		return 0, errCut
	}
	matters := len(c.keys) == 0
	for _, key := range c.keys {
		matters = matters || len(b) > 6 && kmsg.Key(binary.BigEndian.Uint16(b[4:])) == key
	}
	if matters {
		c.left--
	}
	if c.left >= 0 {
		return p.Conn.Write(b)
	}
	if c.deliver {
		_, _ = p.Conn.Write(b)
		// The broker has handled it when it answers.
		_, _ = io.ReadFull(p.Conn, make([]byte, 4))
	}
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	close(c.broken)
	return 0, errCut
}
