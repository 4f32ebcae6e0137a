package groups_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/groups"
)

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns the lines since the last call.
func (b *logBook) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// watching is a Watch of the group.
type watching struct {
	*groups.Watch
	t       *testing.T
	log     *logBook
	metrics *prometheus.Registry
}

func (w *world) watch(handlers ...groups.Handler) *watching {
	w.t.Helper()
	v := &watching{t: w.t, log: &logBook{}, metrics: prometheus.NewRegistry()}
	var err error
	v.Watch, err = groups.NewWatch(w.Inspector, handlers, slog.New(slog.NewTextHandler(v.log, nil)), v.metrics)
	require.NoError(w.t, err)
	return v
}

// shows compares what is exported, but for the time of the look.
func (v *watching) shows(lines ...string) {
	v.t.Helper()
	families, err := v.metrics.Gather()
	require.NoError(v.t, err)
	var got []string
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "sluice_group_")
			if name == "look_timestamp_seconds" {
				continue
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			got = append(got, name+" "+strings.Join(labels, "/")+" "+prometheusNumber(m.GetGauge().GetValue()))
		}
	}
	require.Equal(v.t, lines, got)
}

// lookedAt returns the time of the last look, 0 before the first.
func (v *watching) lookedAt() float64 {
	v.t.Helper()
	families, err := v.metrics.Gather()
	require.NoError(v.t, err)
	for _, f := range families {
		if f.GetName() == "sluice_group_look_timestamp_seconds" {
			return f.Metric[0].GetGauge().GetValue()
		}
	}
	return 0
}

func prometheusNumber(f float64) string {
	return strings.TrimSuffix(slog.Float64Value(f).String(), ".0")
}

func TestWatchReportsAPartitionThatIsStuckOnce(t *testing.T) {
	w := newWorld(t, 2)
	w.write(record(0, time.Minute), record(0, time.Minute), record(1, time.Minute))
	w.commit(0, 0, "")
	w.commit(1, 1, "")
	v := w.watch(groups.Handler{Name: "h", Group: group, Topics: []string{topic}, StuckAfter: time.Minute})
	v.shows()

	look := func(after time.Duration) string {
		v.Look(t.Context(), now.Add(after))
		return v.log.take()
	}
	require.Empty(t, look(0))
	v.shows("lag_records readers/0/events 2", "lag_records readers/1/events 0",
		"lag_seconds readers/0/events 60", "lag_seconds readers/1/events 0",
		"stuck readers/0/events 0", "stuck readers/1/events 0")
	require.Equal(t, float64(now.Unix()), v.lookedAt())

	require.Empty(t, look(59*time.Second))
	said := look(time.Minute)
	require.Contains(t, said, `level=WARN msg="partition is stuck" group=readers topic=events partition=0 lag=2 committed=0 lag_seconds=120 since=2026-11-23T12:00:00.000Z member=nobody`)
	require.Equal(t, 1, strings.Count(said, "\n"))
	v.shows("lag_records readers/0/events 2", "lag_records readers/1/events 0",
		"lag_seconds readers/0/events 120", "lag_seconds readers/1/events 0",
		"stuck readers/0/events 1", "stuck readers/1/events 0")
	require.Empty(t, look(2*time.Minute), "it is said once")

	w.write(record(1, -2*time.Minute))
	require.Empty(t, look(10*time.Minute), "a partition that was idle has only begun to have lag")

	w.commit(0, 1, "")
	said = look(11 * time.Minute)
	require.Contains(t, said, `msg="partition is no longer stuck" group=readers topic=events partition=0 lag=1 committed=1`)
	require.Contains(t, said, "stuck_for=11m0s")
	require.Contains(t, said, "partition=1", "this one has had lag for a minute")
	require.Equal(t, 2, strings.Count(said, "\n"))

	w.commit(1, 2, "")
	require.Contains(t, look(12*time.Minute), "no longer stuck", "one that has nothing to do any more")
}

func TestWatchNamesTheMemberThatHasAStuckPartition(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Minute))
	w.join()
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}})
	v.Look(t.Context(), now)
	v.Look(t.Context(), now.Add(4*time.Minute))
	require.Empty(t, v.log.take())
	v.Look(t.Context(), now.Add(5*time.Minute))
	require.Regexp(t, `partition is stuck.* committed=-1 .*member="tester-\S+ at \S+"`, v.log.take())
}

// Old values disappear, and the time of the last look stays.
func TestWatchDoesNotShowOldAnswers(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Minute))
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}})
	v.Look(t.Context(), now)
	shown := []string{"lag_records readers/0/events 1", "lag_seconds readers/0/events 60", "stuck readers/0/events 0"}
	v.shows(shown...)

	w.cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	v.Look(ctx, now.Add(time.Minute))
	v.shows(shown...)
	v.SetNow(now.Add(time.Minute + time.Second))
	v.shows()
	require.Equal(t, float64(now.Unix()), v.lookedAt())
	require.Empty(t, v.log.take(), "that Kafka is away is said elsewhere")
}

// What is not known has no value, and is no reason to call a partition stuck or
// to say that it moves.
func TestWatchDoesNotGuess(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Minute))
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}, StuckAfter: time.Minute})
	v.Look(t.Context(), now)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: topic, Err: kerr.UnknownServerError, Count: -1})
	v.Look(t.Context(), now.Add(time.Hour))
	v.shows("stuck readers/0/events 0")
	require.Empty(t, v.log.take())
	fault.Remove()
	v.Look(t.Context(), now.Add(time.Hour))
	require.Contains(t, v.log.take(), "partition is stuck")
}

func TestWatchLeavesOutWhatIsNotReadAnyMore(t *testing.T) {
	w := newWorld(t, 1, kfake.SeedTopics(1, "old"))
	offsets := kadm.Offsets{}
	offsets.AddOffset("old", 0, 0, -1)
	require.NoError(t, w.admin.CommitAllOffsets(t.Context(), group, offsets))
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}})
	v.Look(t.Context(), now)
	v.shows("lag_records readers/0/events 0", "lag_seconds readers/0/events 0", "stuck readers/0/events 0")
}

func TestTwoHandlersOfOneGroupAreWatchedOnce(t *testing.T) {
	w := newWorld(t, 1, kfake.SeedTopics(1, "other"))
	v := w.watch(groups.Handler{Name: "a", Group: group, Topics: []string{topic}}, groups.Handler{Name: "b", Group: group, Topics: []string{"other"}})
	v.Look(t.Context(), now)
	v.shows("lag_records readers/0/events 0", "lag_records readers/0/other 0",
		"lag_seconds readers/0/events 0", "lag_seconds readers/0/other 0",
		"stuck readers/0/events 0", "stuck readers/0/other 0")
}

func TestWatchSaysOnceThatItMayNotLook(t *testing.T) {
	w := newWorld(t, 1)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}})
	v.Look(t.Context(), now)
	require.Contains(t, v.log.take(), "group cannot be watched")
	v.Look(t.Context(), now)
	require.Empty(t, v.log.take())
	fault.Remove()
	v.Look(t.Context(), now)
	v.shows("lag_records readers/0/events 0", "lag_seconds readers/0/events 0", "stuck readers/0/events 0")
}

func TestWatchRunsUntilItsContextEnds(t *testing.T) {
	w := newWorld(t, 1)
	v := w.watch(groups.Handler{Group: group, Topics: []string{topic}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	require.Eventually(t, func() bool { return v.lookedAt() > 0 }, time.Minute, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	_, err := groups.NewWatch(w.Inspector, nil, slog.New(slog.DiscardHandler), v.metrics)
	require.Error(t, err, "metrics of two would be the same")
}
