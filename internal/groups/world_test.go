package groups_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sluice/internal/groups"
	"sluice/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	topic = "events"
	group = "readers"
)

// now is when the tests look.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is a cluster, and somebody who asks it about groups.
type world struct {
	*groups.Inspector
	t       *testing.T
	cluster *kfake.Cluster
	control *kafka.Control
	client  *kgo.Client
	admin   *kadm.Client
}

// newWorld starts a cluster whose topic has so many partitions.
func newWorld(t *testing.T, partitions int32, opts ...kfake.Opt) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	w := &world{t: t, cluster: cluster, control: newControl(t, cluster.ListenAddrs())}
	w.Inspector = groups.NewInspector(w.control)
	w.SetNow(now)
	w.client = w.connect(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	w.admin = kadm.NewClient(w.client)
	return w
}

func newControl(t *testing.T, brokers []string) *kafka.Control {
	t.Helper()
	control, err := kafka.NewControl(kafka.Config{Brokers: brokers}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(control.Close)
	return control
}

func (w *world) connect(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.ClientID("tester")}, opts...)...)
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	return client
}

// record is one that was written so long before now.
func record(partition int32, ago time.Duration) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: []byte("v"), Timestamp: now.Add(-ago)}
}

// write writes records, each in a batch of its own.
func (w *world) write(records ...*kgo.Record) {
	w.t.Helper()
	for _, r := range records {
		require.NoError(w.t, w.client.ProduceSync(w.t.Context(), r).FirstErr())
	}
}

// commit commits an offset for the group from outside.
func (w *world) commit(partition int32, offset int64, metadata string) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: offset, LeaderEpoch: -1, Metadata: metadata})
	require.NoError(w.t, w.admin.CommitAllOffsets(w.t.Context(), group, offsets))
}

// inspect looks at the group.
func (w *world) inspect(topics ...string) *groups.Group {
	w.t.Helper()
	g, err := w.Inspect(w.t.Context(), groups.Question{Group: group, Topics: topics})
	require.NoError(w.t, err)
	return g
}

// lag returns what is known of a partition.
func (w *world) lag(partition int32) groups.PartitionLag {
	w.t.Helper()
	for _, p := range w.inspect().Partitions {
		if p.Topic == topic && p.Partition == partition {
			return p
		}
	}
	w.t.Fatalf("partition %d is not in the answer", partition)
	return groups.PartitionLag{}
}

// transaction writes records in a transaction, and leaves it open.
func (w *world) transaction(id string, records ...*kgo.Record) *kgo.Client {
	w.t.Helper()
	client := w.connect(kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	require.NoError(w.t, client.BeginTransaction())
	for _, r := range records {
		require.NoError(w.t, client.ProduceSync(w.t.Context(), r).FirstErr())
	}
	return client
}

// join has a client join the group and waits until it has its partitions.
func (w *world) join(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	var once sync.Once
	assigned := make(chan struct{})
	client := w.connect(append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { once.Do(func() { close(assigned) }) }),
	}, opts...)...)
	<-assigned
	require.Eventually(w.t, func() bool {
		g := w.cluster.GroupInfo(group)
		return g != nil && g.State == "Stable"
	}, time.Minute, 5*time.Millisecond)
	return client
}

// count counts the requests of a kind that come from now on.
func (w *world) count(key kmsg.Key) *atomic.Int64 {
	n := new(atomic.Int64)
	w.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		n.Add(1)
		return nil, nil, false
	})
	return n
}

// silent is the address of a Kafka that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var conns []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}
