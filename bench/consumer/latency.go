package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
)

// latency measures how old records are when they are handled, on a topic of
// its own that is written to at a steady rate.
func (b *bench) latency(ctx context.Context, c contestant) (sample, error) {
	topic, err := b.cluster.CreateTopic(ctx, groupLatency)
	if err != nil {
		return sample{}, err
	}
	c.spec.Stamped, c.spec.Partitions = b.latencyRecords(), cluster.Partitions
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	source, err := newSource(ctx, b.cluster.Brokers, topic)
	if err != nil {
		return sample{}, err
	}
	defer source.close()
	m, err := b.begin(ctx, c, topic)
	if err != nil {
		return sample{}, err
	}
	defer m.close()
	var sending sync.WaitGroup
	started := make(chan struct{})
	sending.Go(func() {
		// What was not written, the member would wait for.
		if err := source.run(ctx, started, b.Window/4, c.spec.Stamped); err != nil {
			cancel(err)
		}
	})
	defer func() {
		cancel(nil)
		sending.Wait()
	}()
	first, err := m.first()
	if err != nil {
		return sample{}, orCause(ctx, err)
	}
	close(started)
	result, err := m.result()
	if err != nil {
		return sample{}, orCause(ctx, err)
	}
	sending.Wait()
	s, err := newSample(first, result)
	if err != nil {
		return sample{}, m.Explain(err)
	}
	return s, verifyCommits(ctx, b.cluster, m.group, topic)
}

// orCause returns why a context has ended, where it has, instead of what
// followed from it.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// source writes records at a steady rate, each as soon as it is due, and waits
// for none of them.
type source struct {
	client *kgo.Client
	topic  string
}

// newSource has written a record to every partition when it returns: a leader
// that has just been chosen may refuse at first, and what waits for it would
// count as latency.
func newSource(ctx context.Context, brokers []string, topic string) (*source, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0), kgo.MetadataMinAge(cluster.MetadataMinAge),
	)
	if err != nil {
		return nil, err
	}
	first := make([]*kgo.Record, cluster.Partitions)
	for i := range first {
		first[i] = &kgo.Record{Value: make([]byte, valueSize)}
		member.Unstamped(first[i].Value)
	}
	if err := client.ProduceSync(ctx, first...).FirstErr(); err != nil {
		client.Close()
		return nil, fmt.Errorf("write to %s: %w", topic, err)
	}
	return &source{client, topic}, nil
}

func (s *source) close() { s.client.Close() }

// run writes unstamped records until the member has started and warm has
// passed since, then n stamped ones.
func (s *source) run(ctx context.Context, started <-chan struct{}, warm time.Duration, n int64) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	failure := kgo.AbortingFirstErrPromise(s.client)
	begin := time.Now()
	var due, sent, stamped int64
	var warmUntil time.Time
	for stamped < n {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-started:
			started, warmUntil = nil, time.Now().Add(warm)
		case <-tick.C:
		}
		now := time.Now()
		measuring := started == nil && !now.Before(warmUntil)
		for due = int64(now.Sub(begin).Seconds() * latencyRate); sent < due && stamped < n; sent++ {
			value := make([]byte, valueSize)
			if measuring {
				member.Stamp(value, stamped, time.Now())
				stamped++
			} else {
				member.Unstamped(value)
			}
			s.client.Produce(ctx, &kgo.Record{Value: value}, failure.Promise())
		}
	}
	if err := s.client.Flush(ctx); err != nil {
		return fmt.Errorf("write to %s: %w", s.topic, err)
	}
	if err := failure.Err(); err != nil {
		return fmt.Errorf("write to %s: %w", s.topic, err)
	}
	return nil
}
