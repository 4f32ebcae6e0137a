package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
)

// nothing measures a handler that does nothing. The first tenth of the records
// is the member's own warm-up.
func (b *bench) nothing(ctx context.Context, c contestant) (sample, error) {
	c.spec.Warm = b.nothingRecords() / cluster.Partitions / 10
	return b.count(ctx, c, b.nothingTopic)
}

// work measures a handler that waits in each record.
func (b *bench) work(ctx context.Context, c contestant) (sample, error) {
	c.spec.Work = workTime
	s, err := b.count(ctx, c, b.workTopic)
	if err != nil {
		return s, err
	}
	s.OfIdeal = b.idealWork(c.spec.Order).Seconds() / s.Seconds
	return s, nil
}

// count runs a contestant over all records of a topic.
func (b *bench) count(ctx context.Context, c contestant, topic string) (sample, error) {
	ends, err := b.cluster.Ends(ctx, topic)
	if err != nil {
		return sample{}, err
	}
	c.spec.Ends = ends
	m, err := b.begin(ctx, c, topic)
	if err != nil {
		return sample{}, err
	}
	defer m.close()
	first, err := m.first()
	if err != nil {
		return sample{}, err
	}
	result, err := m.result()
	if err != nil {
		return sample{}, err
	}
	s, err := newSample(first, result)
	if err != nil {
		return sample{}, m.Explain(err)
	}
	return s, verifyCommits(ctx, b.cluster, m.group, topic)
}

// newSample makes a sample of what a member has measured.
func newSample(first time.Duration, r member.Result) (sample, error) {
	if r.Records < 1 || r.Elapsed <= 0 {
		return sample{}, errors.New("nothing was handled in the time of the measure")
	}
	s := sample{
		Records: r.Records, Seconds: r.Elapsed.Seconds(), First: report.Milliseconds(first), Peak: r.Peak,
		Rate: float64(r.Records) / r.Elapsed.Seconds(),
		CPU:  r.CPU.Seconds() * 1e6 / float64(r.Records),
	}
	if len(r.Latencies) > 0 {
		sorted := slices.Sorted(slices.Values(r.Latencies))
		s.P50 = report.Milliseconds(report.Percentile(sorted, 50))
		s.P99 = report.Milliseconds(report.Percentile(sorted, 99))
		s.P999 = report.Milliseconds(report.Percentile(sorted, 99.9))
	}
	return s, nil
}

// line shows a sample while the benchmark is running.
func (s sample) line() string {
	text := fmt.Sprintf("%2d %-8s %-55s", s.Round+1, s.Group, s.Contestant)
	switch {
	case len(s.Memory) > 0:
		text += fmt.Sprintf(" at most %d MB, %d MB at the end, %d records handled", s.Peak>>20, s.Memory[len(s.Memory)-1]>>20, s.Handled)
	case s.P50 > 0:
		text += fmt.Sprintf(" p50 %6.2f  p99 %6.2f  p99.9 %6.2f ms  %6.2f µs", s.P50, s.P99, s.P999, s.CPU)
	default:
		text += fmt.Sprintf(" %8.0f/s %6.2f µs  %6.2f s", s.Rate, s.CPU, s.Seconds)
	}
	return text
}
