package consumer

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/record"
)

// Handler does the work for one record.
//
// Handle is called for the records of one partition one after the other, in
// their order, and for different partitions at the same time. A record counts
// as handled, and may be committed, when Handle returns nil. When it returns
// an error or panics, the same record comes again, and the later records of
// its partition wait; so a Handle must expect to see a record more than once.
//
// ctx ends when the result no longer counts: the partition was lost, or the
// time that is given to records in work at a rebalance or at shutdown has
// passed. Handle should then return soon. r and the bytes it refers to must
// not be changed.
type Handler interface {
	Handle(ctx context.Context, r *record.Record) error
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, r *record.Record) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, r *record.Record) error { return f(ctx, r) }

// panicError is the error that a panic of a handler is turned into.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic in handler: %v", e.value) }

// handle calls the handler and turns a panic into an error.
func handle(ctx context.Context, h Handler, r *record.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return h.Handle(ctx, r)
}

// views are the records as a handler sees them.
func views(rs []*kgo.Record) []record.Record {
	out := make([]record.Record, len(rs))
	for i, r := range rs {
		out[i] = record.Record{
			Topic:     r.Topic,
			Partition: r.Partition,
			Offset:    r.Offset,
			Timestamp: r.Timestamp,
			Key:       r.Key,
			Value:     r.Value,
		}
		if len(r.Headers) > 0 {
			out[i].Headers = make([]record.Header, len(r.Headers))
			for j, h := range r.Headers {
				out[i].Headers[j] = record.Header(h)
			}
		}
	}
	return out
}
