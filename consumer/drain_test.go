package consumer_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

// in runs a phase of a shutdown with a budget.
func in(t *testing.T, budget time.Duration, phase func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	phase(ctx)
}

func TestAProgramStopsInPhases(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		m := w.join(slowly(3 * time.Second))
		w.produce(0, numbered("r", 0, 10)...)
		w.produce(1, numbered("r", 0, 10)...)
		w.pass(4 * time.Second)
		start := time.Now()
		m.StopPolling()
		require.ErrorContains(t, m.Ready(), "draining")
		in(t, 9*time.Second, func(ctx context.Context) { require.NoError(t, m.Drain(ctx)) })
		require.Equal(t, int64(2), w.committed(0), "the record in work was finished and committed, and no other begun")
		require.Equal(t, int64(2), w.committed(1))
		require.Len(t, w.cluster.GroupInfo(group).Members, 1)
		in(t, 2*time.Second, m.Leave)
		require.Empty(t, w.cluster.GroupInfo(group).Members, "the others need not wait for a session to end")
		<-m.ended
		require.NoError(t, m.err)
		require.Less(t, time.Since(start), 4*time.Second)
		m.addsUp()
		w.join(nil)
		w.eventually("all handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
	})
}

func TestADrainUnderLoadCommitsWhatWasHandled(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		for p := range int32(3) {
			w.produce(p, numbered("r", 0, 300)...)
		}
		for range 10 {
			m := w.join(slowly(20 * time.Millisecond))
			w.eventually("at work", func() bool { return m.metric("records_ok_total") > 30 })
			require.NoError(t, m.stop())
			m.addsUp()
			for p := range int32(3) {
				require.Equal(t, int64(len(w.seen.of(p))), w.committed(p))
			}
		}
		w.join(slowly(20 * time.Millisecond))
		w.eventually("all handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
	})
}

func TestAHandlerThatNeverEndsDoesNotKeepTheProgram(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		release := make(chan struct{})
		defer close(release)
		m := w.join(func(_ context.Context, r *record.Record) error {
			if r.Partition == 0 && r.Offset == 1 {
				<-release // Deaf to its context.
			}
			return nil
		})
		w.produce(0, "a", "b", "c")
		w.produce(1, "a", "b", "c")
		w.eventually("stuck", func() bool { return m.metric("records_running") == 1 && w.committed(1) == 3 })
		start := time.Now()
		err := m.stop()
		require.ErrorContains(t, err, "handler test is still busy with a record of events/0")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(start), 12*time.Second)
		require.Equal(t, int64(1), w.committed(0))
		require.Empty(t, w.cluster.GroupInfo(group).Members)
		m.addsUp()
	})
}

func TestAHandlerIsToldWhenTheDrainIsOver(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var ended atomic.Bool
		m := w.join(func(ctx context.Context, _ *record.Record) error {
			<-ctx.Done()
			ended.Store(true)
			return ctx.Err()
		})
		w.produce(0, "a")
		w.eventually("in work", func() bool { return m.metric("records_running") == 1 })
		require.Error(t, m.stop())
		require.True(t, ended.Load())
		require.Equal(t, int64(0), w.committed(0))
		require.Zero(t, w.log.count("Error in consumer loop"), "its error is our doing")
	})
}

func TestAProgramStopsInTimeWhileKafkaIsAway(t *testing.T) {
	for _, when := range []string{"before it was there", "while joined", "while it is silent"} {
		t.Run(when, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				if when == "before it was there" {
					w.cut(true)
				}
				m := w.join(nil)
				w.pass(8 * time.Second)
				switch when {
				case "while joined":
					w.produce(0, "a")
					w.cut(true)
				case "while it is silent":
					w.cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
						w.cluster.KeepControl()
						return nil, nil, true
					})
				}
				w.pass(8 * time.Second)
				start := time.Now()
				require.NoError(t, m.stop())
				require.Less(t, time.Since(start), 8*time.Second)
			})
		})
	}
}

func TestACommitThatFailsDoesNotStopADrain(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(nil)
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		w.fault(kmsg.OffsetCommit, kerr.GroupAuthorizationFailed, -1)
		w.produce(0, "a")
		w.eventually("handled", w.seen.all)
		require.NoError(t, m.stop())
		require.Contains(t, w.log.String(), "Error in consumer loop: commit offset of events/0: GROUP_AUTHORIZATION_FAILED")
		require.Positive(t, m.metric(`commits_total{result="error"}`))
	})
}

func TestAGroupThatIsLeftBeforeItRunsDoesNothing(t *testing.T) {
	g, err := consumer.New(defaultConfig(), consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }),
		consumer.Deps{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.ErrorContains(t, g.Ready(), "not started")
	require.NoError(t, g.Drain(t.Context()))
	g.Leave(t.Context())
	require.NoError(t, g.Run(t.Context()))
}

// A program that cannot start stops all of its groups, some of which have not
// begun.
func TestAGroupThatNeverRanCanBeStopped(t *testing.T) {
	for name, h := range map[string]consumer.Handler{
		"handler":   consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }),
		"transform": consumer.Transform(copied),
		"stateful":  stateful(nil),
	} {
		t.Run(name, func(t *testing.T) {
			g, err := consumer.New(defaultConfig(), h, consumer.Deps{Log: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			g.StopPolling()
			require.NoError(t, g.Drain(t.Context()))
			g.Leave(t.Context())
			require.NoError(t, g.Run(t.Context()))
		})
	}
}
