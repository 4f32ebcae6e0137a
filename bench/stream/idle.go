package main

import (
	"context"
	"time"
)

// lookAtMemory is how often the memory of a server with idle clients is read.
const lookAtMemory = 100 * time.Millisecond

// idle measures the resident memory of clients on a topic in which nothing
// happens.
func (b *bench) idle(ctx context.Context, g group, c contestant) (sample, error) {
	s, err := b.open(ctx, g, c)
	if err != nil {
		return sample{}, err
	}
	defer s.close()
	// What the first client costs is what the topic costs.
	first, err := s.connect(ctx, 1)
	if err != nil {
		return sample{}, err
	}
	defer first.Kill()
	r := sample{Clients: b.Idle}
	if r.Before, _, err = s.watch(ctx, b.settle()); err != nil {
		return sample{}, err
	}
	if err := s.play(ctx, b.Idle); err != nil {
		return sample{}, err
	}
	if r.After, r.Most, err = s.watch(ctx, b.hold()); err != nil {
		return sample{}, err
	}
	// All of them are still there.
	if _, err := s.await(ctx, 0); err != nil {
		return sample{}, err
	}
	b.profileHeap(ctx, s, g, c)
	return r, nil
}

// watch reads the resident memory of the server for so long, and returns the
// last and the largest figure.
func (s *stage) watch(ctx context.Context, d time.Duration) (last, most int64, err error) {
	end := time.Now().Add(d)
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for {
		if last, _, err = s.server.Memory(); err != nil {
			return 0, 0, s.server.Explain(err)
		}
		most = max(most, last)
		if !time.Now().Before(end) {
			return last, most, nil
		}
		select {
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
