package main

import (
	"context"
	"sync"
)

// latency measures how old records are when clients read them, at half of the
// deliveries a second that a contestant has had in this round.
func (b *bench) latency(ctx context.Context, g group, c contestant) (sample, error) {
	most, err := b.most(g.most, c.half)
	if err != nil {
		return sample{}, err
	}
	s, err := b.open(ctx, g, c)
	if err != nil {
		return sample{}, err
	}
	defer s.close()
	source, err := newSource(b.cluster.Brokers, s.topic, g.size)
	if err != nil {
		return sample{}, err
	}
	defer source.close()
	if err := s.play(ctx, b.Clients); err != nil {
		return sample{}, err
	}
	rate := most / 2 / float64(b.Clients)
	flow := func(stamped bool) (sample, error) {
		d := b.warm()
		if stamped {
			d = b.measured()
		}
		n := max(int64(rate*d.Seconds()), 1)
		begin, err := s.usage()
		if err != nil {
			return sample{}, err
		}
		var writing sync.WaitGroup
		var failed error
		ctx, cancel := context.WithCancelCause(ctx)
		defer writing.Wait()
		defer cancel(nil)
		writing.Go(func() {
			// What was not written, the clients would wait for.
			if failed = source.steady(ctx, rate, n, stamped); failed != nil {
				cancel(failed)
			}
		})
		heard, err := s.await(ctx, n)
		if err != nil {
			return sample{}, err
		}
		writing.Wait()
		if failed != nil {
			return sample{}, failed
		}
		return s.sampleOf(begin, heard)
	}
	if _, err := flow(false); err != nil {
		return sample{}, err
	}
	defer b.profileCPU(s, g, c)()
	measured, err := flow(true)
	measured.Offered = most / 2
	return measured, err
}
