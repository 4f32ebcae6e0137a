package consumertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"sluice/consumer"
	"sluice/record"
)

// Topic is that of a record that says none.
const Topic = "consumertest"

// errChanged is the error of a handler that is Broken.
var errChanged = errors.New("the handler has changed its record: others may have the same bytes, so copy what you change")

// Handle has h handle r once, and says what became of it. To see what a handler
// does with a record that comes again, which it must take, call it twice.
//
// A zero Topic is consumertest.Topic, a zero TopicID is made of the topic's
// name, and a zero Timestamp is now; partition and offset zero are what they
// are. h gets a record of its own, so r stays as it is.
func Handle(ctx context.Context, h consumer.Handler, r record.Record) Result {
	r = clone(complete(r))
	given := clone(r)
	made, err := consumer.Try(ctx, h, &given)
	if !equal(given, r) {
		return Result{Outcome: Broken, Err: errors.Join(errChanged, err)}
	}
	return resultOf(made, err)
}

// HandleAll has h handle the records one after the other, each once, whatever
// becomes of those before. They are completed as in Handle, and a record with
// the Offset zero has the one after that of the record before.
func HandleAll(ctx context.Context, h consumer.Handler, records ...record.Record) []Result {
	results := make([]Result, len(records))
	var next int64
	for i, r := range records {
		if r.Offset == 0 {
			r.Offset = next
		}
		next = r.Offset + 1
		results[i] = Handle(ctx, h, r)
	}
	return results
}

// failure is what the group knows of an attempt that has failed.
type failure interface {
	error
	Class() string
	RetryAfter() time.Duration
	Hold() time.Duration
	Stack() string
}

func resultOf(made []record.Record, err error) Result {
	if err == nil {
		return Result{Outcome: Handled, Made: made}
	}
	result := Result{Outcome: Retried, Err: err}
	f, ok := errors.AsType[failure](err)
	if !ok {
		return result
	}
	result.Err = errors.Unwrap(f) // What the handler has returned, as it is.
	switch {
	case f.Hold() > 0:
		result.Outcome, result.After = Held, f.Hold()
	case f.Class() != "":
		result.Outcome, result.Class, result.Stack = GivenUp, f.Class(), f.Stack()
	default:
		result.After = f.RetryAfter()
	}
	return result
}

func complete(r record.Record) record.Record {
	if r.Topic == "" {
		r.Topic = Topic
	}
	if r.TopicID == (record.TopicID{}) {
		sum := sha256.Sum256([]byte(r.Topic))
		r.TopicID = record.TopicID(sum[:len(r.TopicID)])
	}
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now().Truncate(time.Millisecond) // What Kafka has of it.
	}
	return r
}

// clone copies r and all that it refers to. A nil stays one.
func clone(r record.Record) record.Record {
	r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return r
}

func equal(a, b record.Record) bool {
	return a.Topic == b.Topic && a.TopicID == b.TopicID && a.Partition == b.Partition && a.Offset == b.Offset &&
		a.Timestamp.Equal(b.Timestamp) && sameBytes(a.Key, b.Key) && sameBytes(a.Value, b.Value) &&
		slices.EqualFunc(a.Headers, b.Headers, func(x, y record.Header) bool {
			return x.Key == y.Key && sameBytes(x.Value, y.Value)
		})
}

// sameBytes tells null from empty.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
