package main

import "context"

// deliveries measures how soon all clients have a backlog of records, all of
// which are written at once. The first of them are the warm-up.
func (b *bench) deliveries(ctx context.Context, g group, c contestant) (sample, error) {
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
	records := b.records(g)
	if err := source.burst(ctx, records/warmPart); err != nil {
		return sample{}, err
	}
	if _, err := s.await(ctx, records/warmPart); err != nil {
		return sample{}, err
	}
	defer b.profileCPU(s, g, c)()
	begin, err := s.usage()
	if err != nil {
		return sample{}, err
	}
	if err := source.burst(ctx, records); err != nil {
		return sample{}, err
	}
	heard, err := s.await(ctx, records)
	if err != nil {
		return sample{}, err
	}
	return s.sampleOf(begin, heard)
}
