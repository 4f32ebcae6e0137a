package broker_test

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/broker"
	"sluice/internal/units"
)

// diskUsed is the size of all files in a folder.
func diskUsed(t *testing.T, dir string) units.Bytes {
	t.Helper()
	var sum int64
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	}))
	return units.Bytes(sum)
}

func TestRetentionBySizeBoundsTheDisk(t *testing.T) {
	cfg := testConfig()
	cfg.Data = t.TempDir()
	cfg.Retention.Bytes = 2 * units.MiB
	cfg.Retention.Every = time.Hour // so that only sizes make it run
	deleted := newEvent("old records deleted")
	b, err := broker.Start(cfg, slog.New(deleted))
	require.NoError(t, err)

	value := strings.Repeat("x", 100_000)
	client := connect(t, b.Addr())
	for range 80 { // 8 MB, in batches of one
		produce(t, client, "orders", value)
	}
	<-deleted.seen // by itself

	require.NoError(t, b.ApplyRetention(t.Context()))
	kept := read(t, b.Addr(), "orders")
	require.Equal(t, int64(80), kept.end)
	require.InDelta(t, 20, kept.end-kept.first, 1, "2 MiB are 20 records")
	require.Less(t, diskUsed(t, cfg.Data), 2*units.MiB+2*units.MiB, "the limit and a segment, the rest is gone from the disk")
	client.Close()
	require.NoError(t, b.Close())

	b = start(t, cfg)
	require.Equal(t, kept, read(t, b.Addr(), "orders"), "after a restart")
}

func TestRetentionByAge(t *testing.T) {
	cfg := testConfig()
	cfg.Data = t.TempDir()
	b := start(t, cfg)
	client := connect(t, b.Addr())
	admin := kadm.NewClient(client)
	write := func(topic string, ages ...time.Duration) {
		for _, age := range ages {
			r := &kgo.Record{Topic: topic, Value: []byte(age.String()), Timestamp: time.Now().Add(-age)}
			require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
		}
	}
	const week, young, old = 7 * 24 * time.Hour, time.Hour, 8 * 24 * time.Hour
	compact, day, always := "compact", "86400000", "-1"
	for topic, configs := range map[string]map[string]*string{
		"compacted": {"cleanup.policy": &compact},
		"day":       {"retention.ms": &day},
		"always":    {"retention.ms": &always},
	} {
		_, err := admin.CreateTopic(t.Context(), 1, 1, configs, topic)
		require.NoError(t, err)
	}
	write("fresh", young, young)
	write("aged", old, old)
	write("mixed", old, old, young, old, young)
	write("compacted", old, young)
	write("day", week, young)
	write("always", old, young)
	require.NoError(t, b.ApplyRetention(t.Context()))

	offsets := func(topic string) [2]int64 {
		l := read(t, b.Addr(), topic)
		return [2]int64{l.first, l.end}
	}
	require.Equal(t, [2]int64{0, 2}, offsets("fresh"))
	require.Equal(t, [2]int64{2, 2}, offsets("aged"))
	require.Equal(t, [2]int64{2, 5}, offsets("mixed"), "an old timestamp takes nothing with it that is newer")
	require.Equal(t, [2]int64{0, 2}, offsets("compacted"), "compacted topics do not age")
	require.Equal(t, [2]int64{1, 2}, offsets("day"), "a topic's own limit")
	require.Equal(t, [2]int64{0, 2}, offsets("always"), "a topic's own limit")

	client.Close()
	require.NoError(t, b.Close())
	b = start(t, cfg)
	require.Equal(t, [2]int64{2, 2}, offsets("aged"), "offsets go on when nothing is left")
}

func TestRetentionLeavesOpenTransactionsAlone(t *testing.T) {
	b := start(t, testConfig())
	client := connect(t, b.Addr(), kgo.TransactionalID("writer"))
	require.NoError(t, client.BeginTransaction())
	old := time.Now().Add(-365 * 24 * time.Hour)
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Timestamp: old}).FirstErr())

	require.NoError(t, b.ApplyRetention(t.Context()))
	require.Equal(t, int64(0), read(t, b.Addr(), "orders").first)
	require.NoError(t, client.EndTransaction(t.Context(), kgo.TryCommit))
}

func TestNoLimits(t *testing.T) {
	cfg := testConfig()
	cfg.Retention.Time, cfg.Retention.Bytes = 0, 0
	b := start(t, cfg)
	r := &kgo.Record{Topic: "orders", Value: []byte("1"), Timestamp: time.UnixMilli(1)}
	require.NoError(t, connect(t, b.Addr()).ProduceSync(t.Context(), r).FirstErr())
	require.NoError(t, b.ApplyRetention(t.Context()))
	require.Equal(t, []string{"1"}, read(t, b.Addr(), "orders").values)
}

// event is a log handler that closes seen when the message is logged.
type event struct {
	message string
	once    sync.Once
	seen    chan struct{}
}

func newEvent(message string) *event { return &event{message: message, seen: make(chan struct{})} }

func (*event) Enabled(context.Context, slog.Level) bool { return true }

func (e *event) Handle(_ context.Context, r slog.Record) error {
	if r.Message == e.message {
		e.once.Do(func() { close(e.seen) })
	}
	return nil
}

func (e *event) WithAttrs([]slog.Attr) slog.Handler { return e }
func (e *event) WithGroup(string) slog.Handler      { return e }
