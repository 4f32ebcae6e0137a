package reader

import (
	"math"
	"math/bits"
	"time"
)

const (
	// fine is how many steps an octave has, as a power of two: a figure is
	// known to 1/128 of itself.
	fine  = 7
	steps = 1 << fine
)

// histogram counts durations. Its size does not depend on how many.
type histogram struct {
	counts [(64 - fine + 1) * steps]int64
	n      int64
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.n++
}

// bucket is exact below 256 ns, and after that the leading bits say which.
func bucket(n uint64) int {
	octave := max(bits.Len64(n)-fine-1, 0)
	return octave*steps + int(n>>octave)
}

// most is the largest duration of a bucket.
func most(bucket int) time.Duration {
	octave := max(bucket/steps-1, 0)
	return time.Duration(uint64(bucket-octave*steps+1)<<octave - 1)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
}

// percentile returns a duration that p percent do not exceed (nearest rank), at
// most 1/128 too large. Of none it is 0.
func (h *histogram) percentile(p float64) time.Duration {
	// Less a little, since 99.9 is more than 99.9 in a computer.
	rank := max(int64(math.Ceil(p*float64(h.n)/100-1e-6)), 1)
	var seen int64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return most(i)
		}
	}
	return 0
}
