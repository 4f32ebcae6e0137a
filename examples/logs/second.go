package main

import "math"

// counts are what a second has in numbers. Each line is in one second, as one of
// Lines or of Late or of Repeats.
type counts struct {
	At int64 `json:"at"` // In seconds since 1970.
	// Lines have this second as their time; Unparsed ones of them have none, and
	// the time of the line before them.
	Lines    int         `json:"n"`
	Unparsed int         `json:"unparsed,omitempty"`
	Levels   [levels]int `json:"levels"`
	// Late lines came in this second for one that was closed, and Repeats for the
	// second time: neither counts anywhere else.
	Late    int `json:"late,omitempty"`
	Repeats int `json:"repeats,omitempty"`
}

// second is what was counted of a service in a second of its own time.
type second struct {
	counts
	Millis    map[int]int    `json:"ms,omitempty"` // By the buckets of bucketOf.
	Templates map[string]int `json:"t,omitempty"`
	P50       float64        `json:"p50,omitempty"` // In milliseconds, once the second is closed.
	P99       float64        `json:"p99,omitempty"`
}

func newSecond(at int64) *second {
	return &second{counts: counts{At: at}, Millis: map[int]int{}, Templates: map[string]int{}}
}

// count counts a line that came in time.
func (s *second) count(l line) {
	s.Lines++
	s.Levels[l.Level]++
	if l.Time.IsZero() {
		s.Unparsed++
	}
	if l.Millis >= 0 {
		s.Millis[bucketOf(l.Millis)]++
	}
	named := template(l.Text)
	if s.Templates[named] == 0 && len(s.Templates) >= maxTemplates {
		named = otherLines
	}
	s.Templates[named]++
}

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
