package member

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/broker"
	"sluice/internal/kafka"
	"sluice/record"
)

const topic = "bench"

// startBroker returns the address of a broker with two records in a topic.
func startBroker(t *testing.T) string {
	t.Helper()
	cfg := broker.DefaultConfig()
	cfg.Listen, cfg.Data = "127.0.0.1:0", ""
	b, err := broker.Start(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for range 2 {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 1, Value: []byte("v")}).FirstErr())
	}
	return b.Addr()
}

// TestTheBareLoopIsSetUpLikeTheGroup compares what the two clients say about
// themselves, so that a setting that changes in one of them changes in both.
func TestTheBareLoopIsSetUpLikeTheGroup(t *testing.T) {
	address := startBroker(t)
	opts, err := kafka.Config{Brokers: []string{address}}.Options(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	bare, err := kgo.NewClient(append(opts, bareOptions(Spec{Group: "bare", Topic: topic})...)...)
	require.NoError(t, err)
	defer bare.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	compared := false
	g, err := consumer.New(consumer.Config{Name: "bench", Topics: []string{topic}, Group: "group", OnFailure: consumer.Stop},
		consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }),
		consumer.Deps{Client: opts, Log: slog.New(slog.DiscardHandler), Prepare: func(_ context.Context, group *kgo.Client) error {
			for name, opt := range map[string]any{
				"FetchMaxBytes": kgo.FetchMaxBytes, "FetchMaxPartitionBytes": kgo.FetchMaxPartitionBytes,
				"FetchMaxWait": kgo.FetchMaxWait, "FetchMinBytes": kgo.FetchMinBytes, "FetchIsolationLevel": kgo.FetchIsolationLevel,
				"MaxConcurrentFetches": kgo.MaxConcurrentFetches, "Rack": kgo.Rack, "DisableFetchSessions": kgo.DisableFetchSessions,
				"DisableFetchCRCValidation": kgo.DisableFetchCRCValidation,
			} {
				require.Equal(t, group.OptValue(opt), bare.OptValue(opt), name)
			}
			compared = true
			cancel()
			return nil
		}})
	require.NoError(t, err)
	require.NoError(t, g.Run(ctx))
	require.True(t, compared)
}

func TestMembers(t *testing.T) {
	address := startBroker(t)
	for name, spec := range map[string]Spec{
		"bare":  {Bare: true, Group: "a"},
		"group": {Group: "b", Order: consumer.OrderPartition, Concurrency: 4},
	} {
		t.Run(name, func(t *testing.T) {
			spec.Task, spec.Brokers, spec.Topic, spec.Ends = Count, []string{address}, topic, map[int32]int64{0: 0, 1: 2, 2: 0, 3: 0}
			var out, log bytes.Buffer
			require.NoError(t, Run(t.Context(), spec, &out, &log), log.String())
			events := json.NewDecoder(&out)
			var first, last Event
			require.NoError(t, events.Decode(&first))
			require.NoError(t, events.Decode(&last))
			require.Equal(t, Event{First: true}, first)
			require.EqualValues(t, 2, last.Result.Records)
			require.Positive(t, last.Result.Elapsed)
			require.Positive(t, last.Result.Peak)
		})
	}
}

// stopAt ends a run with its first record.
type stopAt struct{ stop context.CancelFunc }

func (s stopAt) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "first") {
		s.stop()
	}
	return len(line), nil
}

func TestMembersThatAreToldToEnd(t *testing.T) {
	address := startBroker(t)
	for name, spec := range map[string]Spec{
		"bare":  {Bare: true, Group: "a"},
		"group": {Group: "b"},
	} {
		for _, task := range []Task{Count, Stall} {
			t.Run(name+" "+string(task), func(t *testing.T) {
				spec.Task, spec.Brokers, spec.Topic, spec.Ends = task, []string{address}, topic, map[int32]int64{0: 1, 1: 2, 2: 0, 3: 0}
				spec.Group += string(task)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err := Run(ctx, spec, stopAt{cancel}, t.Output())
				if task == Stall {
					require.NoError(t, err, "that is how a stall ends")
					return
				}
				require.ErrorContains(t, err, "before all records were handled")
			})
		}
	}
}
