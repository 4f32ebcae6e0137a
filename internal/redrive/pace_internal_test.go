package redrive

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheRateIsKept(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		letters int
		took    time.Duration
	}{
		{0, 1000, 0},
		{0.5, 3, 4 * time.Second},
		{1, 4, 3 * time.Second},
		{10, 51, 5 * time.Second},
		{1000, 2100, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPace(c.rate)
			start := time.Now()
			for range c.letters {
				require.NoError(t, wait(t.Context(), p.next(), func() error { return nil }))
			}
			require.Equal(t, c.took, time.Since(start).Round(time.Millisecond))
		})
	}
}

// Whoever waits long for its turn shows all the while that it is alive, and
// does not wait when it is told to stop.
func TestALongWaitIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signs := 0
		require.NoError(t, wait(t.Context(), time.Minute, func() error { signs++; return nil }))
		require.Equal(t, 5, signs)

		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		start := time.Now()
		require.ErrorIs(t, wait(ctx, time.Minute, func() error { return nil }), context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.ErrorIs(t, wait(t.Context(), time.Minute, func() error { return errTakenOver }), errTakenOver)
	})
}

// A letter does not wait for others for longer than a second.
func TestABatchIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b batch
		require.False(t, b.due(time.Hour), "there is nothing to write")
		b.letters, b.began = 1, time.Now()
		require.False(t, b.due(time.Second))
		require.True(t, b.due(time.Second+1))
		time.Sleep(2 * time.Second)
		require.True(t, b.due(0))
	})
}

func TestABatchIsFull(t *testing.T) {
	for _, c := range []struct {
		name           string
		letters, bytes int
		more           int
		want           bool
	}{
		{"a letter is let in alone, whatever its size", 0, 0, 9999, false},
		{"room", 2, 500, 500, false},
		{"no room", 2, 500, 501, true},
		{"enough letters", 10, 0, 1, true},
	} {
		b := batch{letters: c.letters, bytes: c.bytes}
		require.Equal(t, c.want, b.full(c.more, 10, 1000), c.name)
	}
}

// The status of a redrive whose process has died is not believed for ever.
func TestAStatusWithoutASignOfLife(t *testing.T) {
	now := time.Now()
	running := Redrive{State: Running, Updated: now.Add(-staleAfter)}
	require.Equal(t, Running, running.judged(now).State)
	later := running.judged(now.Add(1))
	require.Equal(t, Failed, later.State)
	require.Contains(t, later.Error, "safe to run it again")
	require.Equal(t, Done, Redrive{State: Done}.judged(now).State)
}
