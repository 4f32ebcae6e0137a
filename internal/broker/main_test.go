package broker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/internal/broker"
)

// childData names the data folder of a test binary that was started again as a
// broker to be killed.
const childData = "SLUICE_TEST_BROKER_DATA"

func TestMain(m *testing.M) {
	if data := os.Getenv(childData); data != "" {
		os.Exit(child(data))
	}
	goleak.VerifyTestMain(m)
}

// child runs a broker, prints its address, and ends without closing it when
// its standard input does, if it is not killed before.
func child(data string) int {
	cfg := testConfig()
	cfg.Data = data
	b, err := broker.Start(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, b.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// testConfig is a broker in memory on a free port.
func testConfig() broker.Config {
	cfg := broker.DefaultConfig()
	cfg.Listen, cfg.Data = "127.0.0.1:0", ""
	return cfg
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// start runs a broker until the test ends or it is closed.
func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(cfg, discard())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// connect makes a client that creates topics on demand, chooses no partitions
// and is closed when the test ends.
func connect(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr),
		kgo.DisableClientMetrics(),
		kgo.AllowAutoTopicCreation(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// produce writes values to partition 0 of a topic, each in a batch of its own.
func produce(t *testing.T, client *kgo.Client, topic string, values ...string) {
	t.Helper()
	for _, v := range values {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr())
	}
}

// numbers are the values "from" to "to", without the latter.
func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	return out
}

// log is what a client sees of a topic: its records by partition, and the
// offsets at which they start and end.
type log struct {
	values     []string
	first, end int64 // of partition 0
}

// read reads all that is in a topic.
func read(t *testing.T, addr, topic string) log {
	t.Helper()
	client := connect(t, addr)
	defer client.Close() // while the broker still answers
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	require.NoError(t, err)
	require.NoError(t, starts.Error())
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	require.NoError(t, err)
	require.NoError(t, ends.Error())

	var out log
	left := make(map[int32]int64) // partition to the offset at which it is read
	from := make(map[int32]kgo.Offset)
	ends.Each(func(end kadm.ListedOffset) {
		begin, _ := starts.Lookup(topic, end.Partition)
		if end.Partition == 0 {
			out.first, out.end = begin.Offset, end.Offset
		}
		if begin.Offset < end.Offset {
			left[end.Partition] = end.Offset
			from[end.Partition] = kgo.NewOffset().At(begin.Offset)
		}
	})
	if len(left) == 0 {
		return out
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})
	for len(left) > 0 {
		fetches := client.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			out.values = append(out.values, string(r.Value))
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

// commit commits an offset of partition 0 for a group.
func commit(ctx context.Context, t *testing.T, client *kgo.Client, group, topic string, at int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, at, -1)
	require.NoError(t, kadm.NewClient(client).CommitAllOffsets(ctx, group, offsets))
}

// committed is the offset of partition 0 that a group has committed.
func committed(t *testing.T, client *kgo.Client, group, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), group)
	require.NoError(t, err)
	o, ok := offsets.Lookup(topic, 0)
	require.True(t, ok)
	return o.At
}
