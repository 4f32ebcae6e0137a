package consumer

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
	"sluice/record"
)

// Handler does the work for one record.
//
// A record is handled, and may be committed, when Handle returns nil. When it
// returns an error, the same record comes again after a pause, as Config.Retry
// says, and is given up after the last attempt; Permanent, Undecodable,
// RetryAfter and Hold say more than a plain error. A panic gives the record up
// at once. Whatever happens, a record may come again after it was handled, so
// Handle must be able to take it twice: Topic, Partition and Offset are the same
// each time, also when it was redriven from the dead letters.
//
// Handle is called from many goroutines: for one record at a time of what
// Config.Order keeps in order (a partition, unless it says otherwise), in the
// order of the offsets, and for up to Config.Concurrency records in all.
//
// ctx ends when the result no longer counts: the partition was lost, the time
// that is given to records in work at a rebalance or at shutdown has passed, or
// Config.Timeout has. Handle should then return soon. r and the bytes it refers
// to must not be changed, and may be kept.
type Handler interface {
	Handle(ctx context.Context, r *record.Record) error
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, r *record.Record) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, r *record.Record) error { return f(ctx, r) }

// Transform is a handler that makes records of a record: what it returns and
// the position of the record that it was made of are written to Kafka in one
// transaction, so that readers of committed records see each result exactly
// once, whatever fails. Of a result, Topic, Key, Value, Headers and Timestamp
// count (now where it is zero, else a time of the years 1678 to 2261); the partition is that of the key, or any.
//
// It is given to a group as it is. Wrapped in another Handler it could not hand
// over what it returns, so its Handle always fails.
type Transform func(ctx context.Context, r *record.Record) ([]record.Record, error)

// Handle fails: the group calls the function itself.
func (f Transform) Handle(context.Context, *record.Record) error {
	return Permanent(errors.New("a consumer.Transform has to be given to the group itself, not inside another handler"))
}

// call has the handler work on a record.
func (p *partition) call(ctx context.Context, e *entry) error {
	if p.transform == nil {
		return p.group.handler.Handle(ctx, &e.record)
	}
	made, err := p.transform(ctx, &e.record)
	if err != nil {
		return err
	}
	if e.results, err = toKafka(made); err != nil {
		return err
	}
	p.pin(e)
	return nil
}

// view is a record as a handler sees it.
func view(r *kgo.Record, id record.TopicID) record.Record {
	v := record.Record{
		Topic:     r.Topic,
		TopicID:   id,
		Partition: r.Partition,
		Offset:    r.Offset,
		Timestamp: kafka.Time(r.Timestamp),
		Key:       r.Key,
		Value:     r.Value,
	}
	if len(r.Headers) > 0 {
		v.Headers = make([]record.Header, len(r.Headers))
		for i, h := range r.Headers {
			v.Headers[i] = record.Header(h)
		}
	}
	return v
}
