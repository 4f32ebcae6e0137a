package access_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/units"
)

// principal authenticates somebody with these grants.
func principal(t *testing.T, name string, grants access.Grants) *access.Principal {
	t.Helper()
	key, line := newKey(t, name)
	_, log := newLog()
	a, err := access.New(access.Config{KeysFile: write(t, "keys", line), Principals: grants}, log)
	require.NoError(t, err)
	p, err := a.Authenticate(bearer(key))
	require.NoError(t, err)
	return p
}

func limited(t *testing.T, l access.Limits) *access.Principal {
	t.Helper()
	return principal(t, "shop", access.Grants{{Name: "shop", Topics: []string{"*"}, Rights: []string{"write"}, Limits: l}})
}

func TestNobodyIsAnybody(t *testing.T) {
	p := access.From(t.Context())
	require.Nil(t, p)
	require.Empty(t, p.Name())
	require.True(t, p.May(access.Operate|access.Write, "orders"))
	require.Zero(t, p.Spend(math.MaxInt, math.MaxInt64))
	require.NoError(t, p.Wait(t.Context(), math.MaxInt, math.MaxInt64))
	require.True(t, p.Hold(math.MaxInt64))
	p.Free(math.MaxInt64)
}

func TestRights(t *testing.T) {
	grants := access.Grants{
		{Name: "shop", Topics: []string{"orders", "orders.*", "*-log"}, Rights: []string{"write"}},
		{Name: "*", Topics: []string{"public.*"}, Rights: []string{"read"}},
	}
	shop := principal(t, "shop", grants)
	for topic, want := range map[string]bool{
		"orders": true, "orders.eu": true, "orders.": true, "a-log": true, "-log": true, "a-log-log": true,
		"order": false, "orders-eu": false, "a-logs": false, "": false, "public.x": false, "Orders": false, "orders*": false,
	} {
		require.Equal(t, want, shop.May(access.Write, topic), topic)
		require.False(t, shop.May(access.Read, topic), topic)
	}
	require.False(t, shop.May(access.Read|access.Write, "orders"), "it needs both")

	other := principal(t, "other", grants)
	require.Equal(t, "other", other.Name())
	require.True(t, other.May(access.Read, "public.x"))
	require.False(t, other.May(access.Write, "public.x"))

	nobody := principal(t, "other", grants[:1])
	require.Equal(t, "other", nobody.Name(), "it is known who it is")
	require.False(t, nobody.May(access.Read, "orders"))
}

func TestPatterns(t *testing.T) {
	for pattern, topics := range map[string][2][]string{
		"*":     {{"", "a", "a.b"}, nil},
		"a*b*c": {{"abc", "aXbXc", "abbcc", "abcbc"}, {"ab", "acb", "abcd", "xabc"}},
		"**a":   {{"a", "ba", "aa"}, {"", "ab"}},
		"a.b":   {{"a.b"}, {"axb", "a.bc"}},
	} {
		p := principal(t, "p", access.Grants{{Name: "p", Topics: []string{pattern}, Rights: []string{"read"}}})
		for i, want := range []bool{true, false} {
			for _, topic := range topics[i] {
				require.Equal(t, want, p.May(access.Read, topic), "%s %s", pattern, topic)
			}
		}
	}
}

func TestSpend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, access.Limits{Records: 100, Bytes: 1000})
		require.Zero(t, p.Spend(50, 100))
		wait := p.Spend(60, 100)
		require.InDelta(t, 100*time.Millisecond, wait, float64(time.Millisecond), "ten records are missing")
		wait = p.Spend(1, 1000)
		require.InDelta(t, 100*time.Millisecond, wait, float64(time.Millisecond), "a hundred bytes are missing")
		require.Zero(t, p.Spend(50, 900), "what was refused has taken nothing")
		wait = p.Spend(10, 10)
		require.Positive(t, wait)
		time.Sleep(wait)
		require.Zero(t, p.Spend(10, 10), "who comes back then gets it")
	})
}

func TestARequestLargerThanTheLimitIsNotRefusedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, access.Limits{Records: 10})
		require.Zero(t, p.Spend(1000, math.MaxInt64))
		wait := p.Spend(1000, 1)
		require.InDelta(t, time.Second, wait, float64(time.Millisecond))
		time.Sleep(wait)
		require.Zero(t, p.Spend(1000, 1))
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, access.Limits{Records: 10, Bytes: 1000})
		start := time.Now()
		for range 30 {
			require.NoError(t, p.Wait(t.Context(), 1, 1))
		}
		require.InDelta(t, 2*time.Second, time.Since(start), float64(10*time.Millisecond), "the first ten are free")

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, p.Wait(ctx, 10, 1), context.DeadlineExceeded)
		time.Sleep(time.Second)
		require.Zero(t, p.Spend(10, 1), "who gave up has given back")
	})
}

// A stream that waits for much is not overtaken for ever by those who want
// little.
func TestWaitIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, access.Limits{Records: 10})
		require.Zero(t, p.Spend(10, 0))
		var done atomic.Bool
		go func() { done.Store(p.Wait(t.Context(), 10, 0) == nil) }()
		synctest.Wait()
		for range 9 {
			time.Sleep(100 * time.Millisecond)
			require.Positive(t, p.Spend(1, 0))
		}
		time.Sleep(110 * time.Millisecond)
		synctest.Wait()
		require.True(t, done.Load())
	})
}

func TestHold(t *testing.T) {
	p := limited(t, access.Limits{InFlight: units.KiB})
	require.True(t, p.Hold(1000))
	require.False(t, p.Hold(25))
	require.True(t, p.Hold(24))
	p.Free(24)
	p.Free(600)
	require.True(t, p.Hold(624))
	p.Free(1024)
	require.True(t, p.Hold(5000), "what is larger than the share is let in alone")
	require.False(t, p.Hold(1))
	p.Free(4000)
	p.Free(1000)
	require.True(t, p.Hold(1024))
}

func TestLimitsBelongToTheName(t *testing.T) {
	one, lineOne := newKey(t, "shop")
	two, lineTwo := newKey(t, "shop")
	_, log := newLog()
	a, err := access.New(access.Config{
		KeysFile:   write(t, "keys", lineOne+lineTwo),
		Principals: access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"write"}, Limits: access.Limits{Records: 1}}},
	}, log)
	require.NoError(t, err)
	p, err := a.Authenticate(bearer(one))
	require.NoError(t, err)
	q, err := a.Authenticate(bearer(two))
	require.NoError(t, err)
	require.Same(t, p, q)
}

func TestNothingIsAllocated(t *testing.T) {
	p := limited(t, access.Limits{Records: 1e9, Bytes: units.GiB, InFlight: units.GiB})
	ctx := access.With(t.Context(), p)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		q := access.From(ctx)
		if !q.May(access.Write, "orders") || q.Spend(1, 1) != 0 || q.Wait(ctx, 1, 1) != nil || !q.Hold(10) {
			t.Error("refused")
		}
		q.Free(10)
	}))
}
