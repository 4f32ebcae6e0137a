package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/record"
)

func TestStatusSaysWhatIsGoingOn(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		g := newGate()
		m := w.join(func(ctx context.Context, r *record.Record) error {
			switch string(r.Key) {
			case "fails":
				return errRefused
			case "ok":
				return nil
			}
			return g.work(ctx, r)
		}, ordered(consumer.OrderKey))
		require.Equal(t, consumer.Status{
			Handler: "test", Group: group, NotJoined: m.Status().NotJoined, Partitions: []consumer.PartitionStatus{},
		}, m.Status())
		require.NotEmpty(t, m.Status().NotJoined)
		w.eventually("joined", w.committedAll(3, 0))
		w.pass(time.Second)
		w.produceKey(1, "ok", "v")
		w.produceKey(1, "slow", "slow")
		begun := time.Now()
		w.pass(time.Second)
		w.produceKey(1, "fails", "v")
		w.produceKey(1, "fails", "behind it")
		w.produceKey(1, "slower", "slower")
		w.produceKey(1, "slow", "behind it")
		w.eventually("waits", func() bool { return m.metric("records_retrying") == 1 })
		w.eventually("committed", func() bool { return w.committed(1) == 1 })
		w.pass(time.Second)
		s := m.Status()
		want := consumer.States{In: 6, OK: 1, Queued: 2, Running: 2, Retrying: 1}
		require.Empty(t, s.NotJoined)
		require.Empty(t, s.Held)
		require.Equal(t, want, s.Records)
		require.Len(t, s.Partitions, 3)
		require.WithinDuration(t, begun, s.Partitions[1].OldestRunning, 200*time.Millisecond)
		s.Partitions[1].OldestRunning = time.Time{}
		require.Equal(t, []consumer.PartitionStatus{
			{Topic: topic, Partition: 0},
			{Topic: topic, Partition: 1, Position: 1, Committed: 1, Records: want, Lanes: 3, LastError: "refused"},
			{Topic: topic, Partition: 2},
		}, s.Partitions)
		require.InDelta(t, time.Since(begun).Seconds(), m.metric("oldest_running_seconds"), 0.2)
		m.addsUp()

		g.let("slow", "slower", "behind it")
		require.NoError(t, m.stop())
		s = m.Status()
		require.Equal(t, "draining", s.NotJoined)
		require.Empty(t, s.Partitions)
		require.Equal(t, s.Records.In, s.Records.OK+s.Records.Returned)
		require.Zero(t, m.metric("oldest_running_seconds"))
		m.addsUp()
	})
}

// The states add up whenever somebody looks, and so do those of a partition.
func TestStatesAddUpAtEveryMoment(t *testing.T) {
	for _, order := range []consumer.Order{consumer.OrderPartition, consumer.OrderKey, consumer.OrderNone} {
		t.Run(string(order), func(t *testing.T) {
			inWorld(t, 4, func(t *testing.T, w *world) {
				w.mayBury()
				odd := func(ctx context.Context, r *record.Record) error {
					switch r.Offset % 10 {
					case 1:
						return errRefused
					case 2:
						panic("odd")
					case 3:
						return consumer.Hold(errRefused, 10*time.Millisecond)
					case 4:
						return slowly(30*time.Millisecond)(ctx, r)
					}
					return nil
				}
				// It says "hold" once of each record.
				once := map[string]bool{}
				g := make(chan struct{}, 1)
				work := func(ctx context.Context, r *record.Record) error {
					if r.Offset%10 == 3 {
						g <- struct{}{}
						id := fmt.Sprint(r.Partition, r.Offset)
						again := once[id]
						once[id] = true
						<-g
						if again {
							return nil
						}
					}
					return odd(ctx, r)
				}
				a := w.join(work, ordered(order), attempts(2))
				for p := range int32(4) {
					w.floodKeys(p, 300, "a", "b", "c")
				}
				stop, stopped := make(chan struct{}), make(chan struct{})
				looks := 0
				go func() {
					defer close(stopped)
					for {
						select {
						case <-stop:
							return
						case <-time.After(777 * time.Microsecond):
						}
						looks++
						a.addsUp()
						s := a.Status()
						if sum := sumOf(s.Records); sum != s.Records.In {
							t.Errorf("%+v", s.Records)
						}
						for _, p := range s.Partitions {
							if sum := sumOf(p.Records); sum != p.Records.In || p.Records.Queued < 0 || p.Records.Running < 0 || p.Records.Retrying < 0 {
								t.Errorf("%+v", p)
							}
						}
					}
				}()
				w.pass(100 * time.Millisecond)
				b := w.join(work, ordered(order), attempts(2))
				w.eventually("all committed", w.committedAll(4, 300))
				close(stop)
				<-stopped
				require.Greater(t, looks, 100)
				require.NoError(t, a.stop())
				a.addsUp()
				b.addsUp()
			})
		})
	}
}

func sumOf(s consumer.States) int64 {
	return s.OK + s.Dead + s.Queued + s.Running + s.Retrying + s.Returned
}

// Dashboards and alerts are built on these names.
func TestMetricsHaveTheirNames(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(nil)
		w.produce(0, "a")
		w.eventually("committed", w.committedAll(1, 1))
		families, err := m.metrics.Gather()
		require.NoError(t, err)
		var got []string
		for _, f := range families {
			for _, metric := range f.Metric {
				var labels []string
				for _, l := range metric.Label {
					labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
				got = append(got, fmt.Sprintf("%s %s{%s}", strings.ToLower(f.GetType().String()), f.GetName(), strings.Join(labels, ",")))
			}
			require.NotEmpty(t, f.GetHelp())
		}
		slices.Sort(got)
		require.Equal(t, []string{
			`counter sluice_consumer_commits_total{group="readers",result="error"}`,
			`counter sluice_consumer_commits_total{group="readers",result="ok"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="decode"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="error"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="hold"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="panic"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="permanent"}`,
			`counter sluice_consumer_handler_errors_total{group="readers",kind="timeout"}`,
			`counter sluice_consumer_offset_resets_total{group="readers",reason="expired"}`,
			`counter sluice_consumer_offset_resets_total{group="readers",reason="recreated"}`,
			`counter sluice_consumer_offset_resets_total{group="readers",reason="truncated"}`,
			`counter sluice_consumer_records_dead_total{group="readers",partition="0",topic="events"}`,
			`counter sluice_consumer_records_in_total{group="readers",partition="0",topic="events"}`,
			`counter sluice_consumer_records_ok_total{group="readers",partition="0",topic="events"}`,
			`counter sluice_consumer_records_returned_total{group="readers",partition="0",topic="events"}`,
			`gauge sluice_consumer_held{group="readers"}`,
			`gauge sluice_consumer_oldest_running_seconds{group="readers"}`,
			`gauge sluice_consumer_partitions{group="readers"}`,
			`gauge sluice_consumer_records_queued{group="readers",partition="0",topic="events"}`,
			`gauge sluice_consumer_records_retrying{group="readers",partition="0",topic="events"}`,
			`gauge sluice_consumer_records_running{group="readers",partition="0",topic="events"}`,
			`gauge sluice_consumer_stopped_partitions{group="readers"}`,
			`histogram sluice_consumer_attempt_seconds{group="readers"}`,
		}, got)
	})
}
