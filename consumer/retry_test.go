package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/record"
)

func TestPausesGrowAndAreShortenedByChance(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.letters = map[place]time.Time{}
		var calls times
		m := w.join(func(context.Context, *record.Record) error {
			calls.note()
			return errRefused
		}, func(c *consumer.Config, _ *consumer.Deps) {
			c.Retry = consumer.Retry{Attempts: 12, First: time.Second, Max: 20 * time.Second}
		})
		w.produce(0, "a")
		w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
		pauses := calls.pauses()
		require.Len(t, pauses, 11, "attempts counts the first one")
		d, random := time.Second, false
		for i, pause := range pauses {
			within(t, pause, d/2, d)
			random = random || pause != d && pause != d/2
			if i < 4 {
				d *= 2
			} else {
				d = 20 * time.Second
			}
		}
		require.True(t, random)
	})
}

func TestAttempts(t *testing.T) {
	for most, want := range map[int]int{1: 1, 3: 3} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.letters = map[place]time.Time{}
				var calls times
				m := w.join(func(context.Context, *record.Record) error {
					calls.note()
					return errRefused
				}, attempts(most))
				w.produce(0, "a")
				w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
				require.Equal(t, want, calls.count())
			})
		})
	}
	t.Run("-1 is without end", func(t *testing.T) {
		inWorld(t, 1, func(t *testing.T, w *world) {
			var calls times
			m := w.join(func(context.Context, *record.Record) error {
				calls.note()
				return errRefused
			}, attempts(-1))
			w.produce(0, "a")
			w.pass(time.Hour)
			require.Greater(t, calls.count(), 3000)
			require.Equal(t, int64(0), w.committed(0))
			require.Equal(t, 1.0, m.metric("records_retrying")+m.metric("records_running"))
			require.Equal(t, "refused", m.partition(0).LastError)
		})
	})
}

func TestAFailureIsForgottenWhenTheRecordIsHandled(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var calls times
		m := w.join(func(context.Context, *record.Record) error {
			if calls.note()%3 != 0 { // Each record succeeds with its third attempt, which is its last.
				return errRefused
			}
			return nil
		}, attempts(3))
		w.produce(0, numbered("r", 0, 5)...)
		w.eventually("all handled", w.seen.all)
		require.Zero(t, m.metric("records_dead_total"))
		require.Empty(t, m.partition(0).LastError)
	})
}

func TestAWaitingRecordHoldsItsLaneAndNoWorker(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(func(_ context.Context, r *record.Record) error {
			if string(r.Value) == "bad" {
				return errRefused
			}
			return nil
		}, ordered(consumer.OrderKey), concurrency(1))
		w.produceKey(0, "held", "bad")
		w.eventually("waits", func() bool { return m.metric("records_retrying") == 1 })
		w.produceKey(0, "held", "behind it")
		for i := range 20 {
			w.produceKey(0, fmt.Sprint(i), "free")
		}
		w.eventually("the others are handled", func() bool { return m.metric("records_ok_total") == 20 })
		require.Equal(t, []int64{0, 1}, w.seen.missingBelow(0, 100))
		require.Equal(t, int64(0), w.committed(0))
		require.Equal(t, 1, m.partition(0).Lanes)
		m.addsUp()
	})
}

func TestRetryAfterIsTheLeastPause(t *testing.T) {
	for after, want := range map[time.Duration][2]time.Duration{
		minute:           {minute, minute},
		time.Millisecond: {500 * time.Millisecond, time.Second},
		-time.Hour:       {500 * time.Millisecond, time.Second},
	} {
		t.Run(after.String(), func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.letters = map[place]time.Time{}
				var calls times
				m := w.join(func(context.Context, *record.Record) error {
					calls.note()
					return fmt.Errorf("wrapped: %w", consumer.RetryAfter(errRefused, after))
				}, attempts(4))
				w.produce(0, "a")
				w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
				require.Len(t, calls.pauses(), 3, "it counts as an attempt")
				for _, pause := range calls.pauses() {
					within(t, pause, want[0], want[1])
				}
			})
		})
	}
}

func TestAnAttemptHasATimeout(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.letters = map[place]time.Time{}
		m := w.join(func(ctx context.Context, r *record.Record) error {
			start := time.Now()
			<-ctx.Done()
			within(t, time.Since(start), 2*time.Second, 2*time.Second)
			switch string(r.Value) {
			case "late":
				return nil // Done all the same.
			case "gives up":
				return consumer.Permanent(ctx.Err())
			}
			return ctx.Err()
		}, attempts(3), func(c *consumer.Config, _ *consumer.Deps) { c.Timeout = 2 * time.Second })
		w.produce(0, "slow", "late", "gives up")
		w.eventually("all done", func() bool { return w.committed(0) == 3 })
		require.Equal(t, 1.0, m.metric("records_ok_total"))
		require.Equal(t, 3.0, m.metric(`handler_errors_total{kind="timeout"}`))
		require.Equal(t, 1.0, m.metric(`handler_errors_total{kind="permanent"}`))
		var classes []deadletter.Class
		for _, r := range w.read(deadletter.Topic(topic, group)) {
			_, l := w.letter(r)
			classes = append(classes, l.Class)
		}
		require.Equal(t, []deadletter.Class{deadletter.Timeout, deadletter.Permanent}, classes)
		w.checkCommits(w.deadLetters())
	})
}

// The last attempt decides what the dead letter says.
func TestOnlyALastAttemptThatWasTooLongIsATimeout(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.letters = map[place]time.Time{}
		var calls times
		m := w.join(func(ctx context.Context, _ *record.Record) error {
			if calls.note() < 3 {
				<-ctx.Done()
			}
			return errRefused
		}, attempts(3), func(c *consumer.Config, _ *consumer.Deps) { c.Timeout = 2 * time.Second })
		w.produce(0, "a")
		w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
		_, l := w.letter(w.read(deadletter.Topic(topic, group))[0])
		require.Equal(t, deadletter.Exhausted, l.Class)
		require.Equal(t, "refused", l.Message)
	})
}

func TestNothingIsWrongWithNil(t *testing.T) {
	require.NoError(t, consumer.Permanent(nil))
	require.NoError(t, consumer.Undecodable(nil))
	require.NoError(t, consumer.RetryAfter(nil, minute))
	require.NoError(t, consumer.Hold(nil, minute))
	require.ErrorIs(t, consumer.Permanent(errRefused), errRefused)
	require.EqualError(t, consumer.Hold(errRefused, minute), "refused")
}

// A handler may return one and the same error for all of its records.
func TestWhatAnErrorSaysCountsHoweverItIsWrapped(t *testing.T) {
	gone := consumer.Permanent(errors.New("gone for good"))
	for name, err := range map[string]error{
		"as it is":                           gone,
		"wrapped":                            fmt.Errorf("handle: %w", gone),
		"joined":                             errors.Join(errRefused, gone),
		"the outer one, where there are two": consumer.Permanent(consumer.RetryAfter(errRefused, minute)),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.letters = map[place]time.Time{}
				m := w.join(func(context.Context, *record.Record) error { return err })
				w.produce(0, "a", "b")
				w.eventually("given up at once", func() bool { return m.metric("records_dead_total") == 2 })
				for _, r := range w.read(deadletter.Topic(topic, group)) {
					_, l := w.letter(r)
					require.Equal(t, deadletter.Permanent, l.Class)
					require.Equal(t, 1, l.Attempts)
					require.Equal(t, err.Error(), l.Message)
				}
			})
		})
	}
}
