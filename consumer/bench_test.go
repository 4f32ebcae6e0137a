package consumer_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/kafka"
	"sluice/record"
)

// BenchmarkGroup consumes small records from 4 partitions of an embedded
// broker in the same process: a bare poll loop to compare with, a handler that
// does nothing, and the log handler writing to a file. An operation is a
// record.
func BenchmarkGroup(b *testing.B) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, topic),
		kfake.SyntheticFetch(kfake.SyntheticBatch{Records: 1000, RecordBytes: 100}))
	require.NoError(b, err)
	defer cluster.Close()
	opts, err := kafka.Config{Brokers: cluster.ListenAddrs()}.Options(slog.New(slog.DiscardHandler))
	require.NoError(b, err)

	b.Run("bare", func(b *testing.B) {
		client, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))...)
		require.NoError(b, err)
		defer client.Close()
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; {
			n += client.PollFetches(b.Context()).NumRecords()
		}
		perSecond(b)
	})
	b.Run("nothing", func(b *testing.B) {
		consume(b, opts, consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }))
	})
	for _, format := range []consumer.LogFormat{consumer.LogText, consumer.LogJSON} {
		b.Run("log-"+string(format), func(b *testing.B) {
			out, err := os.Create(filepath.Join(b.TempDir(), "out"))
			require.NoError(b, err)
			b.Cleanup(func() { _ = out.Close() })
			consume(b, opts, consumer.NewLog(out, format))
		})
	}
}

// consume runs a group until its handler was called b.N times.
func consume(b *testing.B, opts []kgo.Opt, h consumer.Handler) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var n atomic.Int64
	enough := make(chan struct{})
	g, err := consumer.New(
		consumer.Config{Name: "bench", Topics: []string{topic}, Group: strings.ReplaceAll(b.Name(), "/", "-")},
		consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
			if n.Add(1) == int64(b.N) {
				close(enough)
			}
			return h.Handle(ctx, r)
		}),
		consumer.Deps{Client: opts, Log: slog.New(slog.NewTextHandler(new(bytes.Buffer), nil))})
	require.NoError(b, err)
	ended := make(chan error, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { ended <- g.Run(ctx) }()
	<-enough
	b.StopTimer()
	cancel()
	require.NoError(b, <-ended)
	perSecond(b)
}

func perSecond(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}
