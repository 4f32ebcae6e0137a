package main

import (
	"context"
	"slices"
	"syscall"
	"time"

	"sluice/bench/internal/report"
)

// stall looks at the memory of a member whose handler stalls in the first
// records of a long topic.
func (b *bench) stall(ctx context.Context, c contestant) (sample, error) {
	m, err := b.begin(ctx, c, b.stallTopic)
	if err != nil {
		return sample{}, err
	}
	defer m.close()
	first, err := m.first()
	if err != nil {
		return sample{}, err
	}
	s := sample{First: report.Milliseconds(first)}
	if s.Memory, s.Peak, err = m.watch(ctx, b.stallTime()); err != nil {
		return sample{}, err
	}
	m.Signal(syscall.SIGTERM)
	result, err := m.result()
	if err != nil {
		return sample{}, err
	}
	s.Handled = result.Handled
	return s, nil
}

// watch reads the resident memory ten times a second, twice at least.
func (r *running) watch(ctx context.Context, d time.Duration) (memory []int64, peak int64, err error) {
	end := time.Now().Add(d)
	tick := time.NewTicker(sampleMemory)
	defer tick.Stop()
	for {
		var now int64
		if now, peak, err = r.Memory(); err != nil {
			return nil, 0, r.Explain(err)
		}
		memory = append(memory, now)
		if len(memory) > 1 && !time.Now().Before(end) {
			return memory, peak, nil
		}
		select {
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// at returns the memory when so much of the stall had passed, from 0 to 1; 0
// where it was not looked at.
func (s sample) at(part float64) float64 {
	if len(s.Memory) == 0 {
		return 0
	}
	return float64(s.Memory[int(part*float64(len(s.Memory)-1))]) / (1 << 20)
}

// growth is the most of the second half of a stall, divided by the most of the
// first: what is bounded does not grow for ever.
func (s sample) growth() float64 {
	half := len(s.Memory) / 2
	if half == 0 {
		return 0
	}
	return float64(slices.Max(s.Memory[half:])) / float64(slices.Max(s.Memory[:half]))
}
