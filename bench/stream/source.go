package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/internal/cluster"
	"sluice/bench/stream/reader"
)

// source writes the records of a topic, to each partition in its turn.
type source struct {
	client *kgo.Client
	topic  string
	size   int
	next   int64 // the number of the next record
}

func newSource(brokers []string, topic string, size int) (*source, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(1<<20),
		kgo.MetadataMinAge(cluster.MetadataMinAge),
	)
	if err != nil {
		return nil, err
	}
	return &source{client: client, topic: topic, size: size}, nil
}

func (s *source) close() { s.client.Close() }

// write hands one record to the client.
func (s *source) write(ctx context.Context, stamped bool, promise func(*kgo.Record, error)) {
	stamp := reader.Stamp{Number: s.next}
	if stamped {
		stamp.At = time.Now().UnixNano()
	}
	s.next++
	s.client.Produce(ctx, &kgo.Record{
		Value: reader.AppendValue(make([]byte, 0, s.size+reader.Least), stamp, s.size), Partition: int32(stamp.Number % cluster.Partitions),
	}, promise)
}

func (s *source) flush(ctx context.Context, failure *kgo.FirstErrPromise) error {
	if err := s.client.Flush(ctx); err != nil {
		return fmt.Errorf("write to %s: %w", s.topic, err)
	}
	if err := failure.Err(); err != nil {
		return fmt.Errorf("write to %s: %w", s.topic, err)
	}
	return nil
}

// burst writes n records as fast as it can.
func (s *source) burst(ctx context.Context, n int64) error {
	failure := kgo.AbortingFirstErrPromise(s.client)
	for range n {
		s.write(ctx, false, failure.Promise())
	}
	return s.flush(ctx, failure)
}

// steady writes n records at a rate, each as soon as it is due, and waits for
// none of them.
func (s *source) steady(ctx context.Context, rate float64, n int64, stamped bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	failure := kgo.AbortingFirstErrPromise(s.client)
	begin := time.Now()
	for sent := int64(0); sent < n; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		for due := min(int64(time.Since(begin).Seconds()*rate), n); sent < due; sent++ {
			s.write(ctx, stamped, failure.Promise())
		}
	}
	return s.flush(ctx, failure)
}
