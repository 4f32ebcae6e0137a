package reader

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBuckets(t *testing.T) {
	for n := range uint64(256) {
		require.EqualValues(t, n, most(bucket(n)), "small figures are exact")
	}
	for shift := 8; shift < 63; shift++ {
		for _, n := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1, 3 << (shift - 1), 1<<63 - 1} {
			up := uint64(most(bucket(n)))
			require.GreaterOrEqual(t, up, n)
			require.LessOrEqual(t, float64(up-n), float64(n)/steps, "%d", n)
		}
	}
}

func TestPercentilesOfAHistogram(t *testing.T) {
	h, other := &histogram{}, &histogram{}
	require.Zero(t, h.percentile(50), "of none")
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(5*time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			other.add(d)
		}
	}
	h.merge(other)
	require.EqualValues(t, 10_000, h.n)
	slices.Sort(all)
	for p, rank := range map[float64]int{0.01: 1, 50: 5000, 99: 9900, 99.9: 9990, 100: 10_000} {
		exact := all[rank-1]
		require.GreaterOrEqual(t, h.percentile(p), exact)
		require.LessOrEqual(t, h.percentile(p), exact+exact/steps+1)
	}
	h.add(-time.Second) // A clock that was set.
	require.Zero(t, h.percentile(0))
}
