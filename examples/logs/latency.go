package main

import "math"

// maxBucket is the last bucket of latencies, which has all that took longer.
const maxBucket = 64

// bucketOf returns the bucket of a latency. Bucket n ends at 2^(n/4) ms, so
// whatever is read from buckets is at most a fifth too much: 0 is up to 1 ms, 64
// is a minute.
func bucketOf(millis float64) int {
	if millis <= 1 {
		return 0
	}
	return int(min(math.Ceil(4*math.Log2(millis)), maxBucket))
}

// percentile returns the upper end, in milliseconds, of the bucket that a part
// of what was counted does not exceed; 0 where nothing was counted.
func percentile(buckets map[int]int, part float64) float64 {
	total := 0
	for _, n := range buckets {
		total += n
	}
	rank := int(math.Ceil(part * float64(total)))
	for bucket, below := 0, 0; bucket <= maxBucket && rank > 0; bucket++ {
		if below += buckets[bucket]; below >= rank {
			return math.Exp2(float64(bucket) / 4)
		}
	}
	return 0
}
