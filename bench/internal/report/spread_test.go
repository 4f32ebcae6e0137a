package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/bench/internal/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpreads(t *testing.T) {
	require.Equal(t, report.Spread{Median: 2, Min: 1, Max: 9}, report.SpreadOf([]float64{9, 1, 2}))
	require.Equal(t, report.Spread{Median: 2.5, Min: 1, Max: 9}, report.SpreadOf([]float64{9, 2, 1, 3}))
}

func TestPercentiles(t *testing.T) {
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, i+1)
	}
	for p, want := range map[float64]int{0: 1, 50: 50, 99: 99, 99.9: 100, 100: 100} {
		require.Equal(t, want, report.Percentile(hundred, p), "%g", p)
	}
	require.Equal(t, 7, report.Percentile([]int{7}, 50))
	require.Zero(t, report.Percentile([]int{}, 50))
	require.Equal(t, 1.5, report.Milliseconds(1500*time.Microsecond))
}

func TestTurns(t *testing.T) {
	var turns []string
	for round := range 3 {
		turn := ""
		for _, c := range report.Turns([]string{"a", "b", "c"}, round) {
			turn += c
		}
		turns = append(turns, turn)
	}
	require.Equal(t, []string{"abc", "cba", "bca"}, turns)
}
