package filter_test

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

func TestABudget(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		wait, spend time.Duration
		enough      bool
	}
	for name, steps := range map[string][]step{
		"a second at once":                 {{0, 600 * ms, true}, {0, 400 * ms, true}, {0, 1, false}},
		"a tenth of the time":              {{0, 1000 * ms, true}, {1000 * ms, 100 * ms, true}, {500 * ms, 51 * ms, false}},
		"a little of it goes on for ever":  {{3600 * time.Second, 1000 * ms, true}, {10 * ms, ms, true}, {10 * ms, ms, true}},
		"a second is all that is saved up": {{3600 * time.Second, 1001 * ms, false}},
		"more than there is":               {{0, 1001 * ms, false}, {9 * ms, 0, false}, {ms, 0, true}},
		"a debt is bounded":                {{0, math.MaxInt64, false}, {9999 * ms, 0, false}, {ms, 0, true}},
		"nothing":                          {{0, 1000 * ms, true}, {0, 0, true}, {0, math.MinInt64, true}, {0, 1, false}},
		"centuries":                        {{math.MaxInt64 / 2, 0, true}, {0, 1000 * ms, true}, {0, 1, false}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := filter.NewBudget()
				for i, s := range steps {
					time.Sleep(s.wait)
					require.Equal(t, s.enough, b.Spend(s.spend), "step %d", i)
				}
			})
		})
	}
}

// TestABudgetOfManySpenders is for the race detector, and for the sum.
func TestABudgetOfManySpenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := filter.NewBudget()
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { b.Spend(time.Millisecond) })
		}
		all.Wait()
		require.True(t, b.Spend(0))
		require.False(t, b.Spend(1))
	})
}
