package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
)

const (
	// fetchBytes is how much is read at once; a larger record comes alone.
	fetchBytes = 1 << 20
	// fetchWait is how long Kafka waits for more where there is none.
	fetchWait = 250 * time.Millisecond
)

// reader reads the committed records of a part of a partition, in order. It
// asks for each piece itself and holds no more than that: a consuming client
// would read ahead, jump over what has expired, and not say that it has come to
// an end that is not a record but the mark of a transaction.
type reader struct {
	cluster   *cluster
	topic     *topic
	partition int32
	next, end int64
	decoder   kgo.Decompressor
}

func (c *cluster) reader(t *topic, partition int32, s span) *reader {
	// The client's own, which bounds what comes out of a small batch.
	decoder, ok := c.client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		decoder = kgo.DefaultDecompressor()
	}
	return &reader{c, t, partition, s.from, s.to, decoder}
}

// read returns the next records, at least one, or none at the end. A position
// that moves on without a record (aborted transactions, marks) is passed; one
// that does not move is behind an open transaction, which is waited for as long
// as patience goes.
func (r *reader) read(ctx context.Context) ([]*kgo.Record, error) {
	moved := time.Now()
	for r.next < r.end {
		before := r.next
		records, err := r.fetch(ctx)
		switch {
		case err != nil:
			return nil, err
		case len(records) > 0:
			return records, nil
		case r.next > before:
			moved = time.Now()
		case time.Since(moved) > r.cluster.patience:
			return nil, fmt.Errorf("%w: nothing can be read of partition %d of %s from offset %d on: a transaction is open there, which Kafka will abort when its time is up",
				kafka.ErrAway, r.partition, r.topic.name, r.next)
		}
	}
	return nil, nil
}

// each calls one for every record up to the end, and after behind each piece
// that was read at once. It ends with their first error.
func (r *reader) each(ctx context.Context, one func(*kgo.Record) error, after func() error) error {
	for {
		records, err := r.read(ctx)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, record := range records {
			if err := one(record); err != nil {
				return err
			}
		}
		if err := after(); err != nil {
			return err
		}
	}
}

func (r *reader) fetch(ctx context.Context) (records []*kgo.Record, err error) {
	var expired bool
	var unreadable error
	err = r.cluster.onLeader(ctx, r.topic, r.partition, func(ctx context.Context, leader *kgo.Broker) error {
		answer, err := leader.RetriableRequest(ctx, r.request())
		if err != nil {
			return err
		}
		response := answer.(*kmsg.FetchResponse)
		if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
			return err
		}
		if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
			return errors.New("no partition in the answer")
		}
		fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
			Offset: r.next, IsolationLevel: kgo.ReadCommitted(), Topic: r.topic.name, Partition: r.partition,
		}, &response.Topics[0].Partitions[0], r.decoder, nil)
		expired = errors.Is(fetched.Err, kerr.OffsetOutOfRange)
		if _, refused := errors.AsType[*kerr.Error](fetched.Err); refused && !expired {
			return fetched.Err
		} else if !expired {
			unreadable = fetched.Err
		}
		r.next, records = next, fetched.Records
		return nil
	})
	if err != nil {
		return nil, err
	}
	if unreadable != nil {
		return nil, fmt.Errorf("read partition %d of %s from offset %d on: %w", r.partition, r.topic.name, r.next, unreadable)
	}
	if expired {
		// Somebody has deleted records meanwhile: what is left comes after.
		first, err := r.cluster.offset(ctx, r.topic, r.partition, earliest, committed)
		if err != nil {
			return nil, err
		}
		r.next = max(r.next, first)
	}
	for i, record := range records {
		if record.Offset >= r.end {
			return records[:i], nil
		}
	}
	return records, nil
}

func (r *reader) request() *kmsg.FetchRequest {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = r.partition, r.next, fetchBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = r.topic.name, r.topic.id
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.SessionEpoch = -1, -1
	req.MinBytes, req.MaxBytes, req.MaxWaitMillis = 1, fetchBytes, int32(fetchWait/time.Millisecond)
	req.IsolationLevel = int8(committed)
	req.Topics = append(req.Topics, t)
	return req
}
