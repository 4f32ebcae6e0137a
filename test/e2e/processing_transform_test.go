package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// The variables that make a program with a Transform of the test binary.
const (
	transformInput   = "E2E_TRANSFORM_INPUT"
	transformOutput  = "E2E_TRANSFORM_OUTPUT"
	transformGroup   = "E2E_TRANSFORM_GROUP"
	transformBrokers = "E2E_TRANSFORM_BROKERS"
	transformListen  = "E2E_TRANSFORM_LISTEN"
	transformAsks    = "E2E_TRANSFORM_ASKS"
)

// runTransform is what somebody would write who uses the public API: every
// record of the input becomes two of the output, when another service has been
// asked.
func runTransform() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg := sluice.DefaultConfig()
	cfg.Kafka.Brokers = []string{os.Getenv(transformBrokers)}
	cfg.Consumer.Listen = []string{os.Getenv(transformListen)}
	output, asks := os.Getenv(transformOutput), os.Getenv(transformAsks)
	program := sluice.New(cfg, sluice.Options{Consumer: true})
	program.Handle(consumer.Config{
		Name: "twice", Topics: []string{os.Getenv(transformInput)}, Group: os.Getenv(transformGroup),
		Order: consumer.OrderKey, SessionTimeout: 6 * time.Second, Instance: "e2e",
	}, consumer.Transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, asks, bytes.NewReader(r.Value))
		if err != nil {
			return nil, consumer.Permanent(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return []record.Record{
			{Topic: output, Key: r.Key, Value: append(bytes.Clone(r.Value), "/a"...)},
			{Topic: output, Key: r.Key, Value: append(bytes.Clone(r.Value), "/b"...)},
		}, nil
	}))
	if err := program.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A program that transforms is killed five times in the middle of its work, and
// a reader of committed records gets each result exactly once.
func TestTransformIsExactlyOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	client := s.kafka()
	output := s.topic + "-out"
	s.makeTopic(client, s.topic, 3)
	s.makeTopic(client, output, 2)
	admin := kadm.NewClient(client)
	asked := newEndpoint(t, always(http.StatusOK))
	self, err := os.Executable()
	require.NoError(t, err)
	env, err := exec.LookPath("env")
	require.NoError(t, err)
	program := func() *process {
		return startBinary(t, env, "",
			transformInput+"="+s.topic, transformOutput+"="+output, transformGroup+"="+s.group,
			transformBrokers+"="+s.brokers, transformListen+"="+s.b, transformAsks+"="+asked.URL, self)
	}
	// written counts what is in the output, that of transactions that were given
	// up and their markers included.
	written := func(of func(context.Context, ...string) (kadm.ListedOffsets, error)) (n int64) {
		ends, err := of(t.Context(), output)
		require.NoError(t, err)
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		return n
	}
	const keys, each, kills = 30, 40, 5
	var values []string
	for n := range kills {
		values = append(values, s.fill(client, s.topic, 3, keys, n*each, (n+1)*each)...)
		before, results := asked.requests(), written(admin.ListEndOffsets)
		p := program()
		await(t, "some work", func() bool { return asked.requests() > before+200*n && written(admin.ListEndOffsets) > results })
		p.kill()
	}
	p := program()
	s.ready(s.b)
	s.awaitLag(s.b, s.group, 0)
	p.terminate()

	end := written(admin.ListCommittedOffsets)
	require.Equal(t, written(admin.ListEndOffsets), end, "no transaction is left open")
	results := s.committed(output, end)
	require.Len(t, results, 2*len(values))
	for _, value := range values {
		for _, half := range []string{"/a", "/b"} {
			require.Equal(t, 1, results[value+half], "%s%s", value, half)
		}
	}
	all := s.written(output, end)
	t.Logf("calls %d for %d records; results %d, written and given up %d", asked.requests(), len(values), len(results), all-len(results))
}

// committed reads what a reader of committed records gets up to the end, the
// sum of the partitions' last offsets.
func (s *system) committed(topic string, end int64) map[string]int {
	s.t.Helper()
	found := map[string]int{}
	s.read(topic, end, func(r *kgo.Record) { found[string(r.Value)]++ }, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	return found
}

// written is how many records a reader gets who takes everything.
func (s *system) written(topic string, end int64) (n int) {
	s.t.Helper()
	s.read(topic, end, func(*kgo.Record) { n++ })
	return n
}

// read reads a topic up to its end. Markers of transactions count as well.
func (s *system) read(topic string, end int64, take func(*kgo.Record), opts ...kgo.Opt) {
	s.t.Helper()
	client := s.kafka(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())...)
	next := map[int32]int64{}
	for sum := int64(0); sum < end; {
		fetches := client.PollFetches(s.t.Context())
		require.NoError(s.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				take(r)
			}
		})
		sum = 0
		for _, offset := range next {
			sum += offset
		}
	}
}
