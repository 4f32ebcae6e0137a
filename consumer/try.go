package consumer

import (
	"context"
	"time"

	"sluice/record"
)

// Try calls h once for r, in the way in which a group does: a panic becomes an
// error, and the records that a Transform makes are checked and returned, with
// what counts of them. What h changes in r, which it must not, is changed
// afterwards. Try is for tests; the package consumertest says what a group would
// make of the error, too.
func Try(ctx context.Context, h Handler, r *record.Record) ([]record.Record, error) {
	var made []record.Record
	p := &partition{group: &Group{handler: h}}
	if t, ok := h.(Transform); ok {
		p.transform = func(ctx context.Context, r *record.Record) (_ []record.Record, err error) {
			made, err = t(ctx, r)
			return made, err
		}
	}
	e := &entry{record: *r}
	failed := attempt(ctx, 0, p.call, e)
	*r = e.record
	if failed != nil {
		return nil, failed
	}
	var count []record.Record
	for _, m := range made {
		count = append(count, record.Record{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers, Timestamp: m.Timestamp})
	}
	return count, nil
}

// What a failure means, for consumertest, which asks an error for it.

// Class is why the record is given up at once, as its dead letter says it, or
// empty when it is tried again.
func (f *failure) Class() string { return string(f.class) }

// RetryAfter is the shortest pause before the next attempt that the handler has
// asked for.
func (f *failure) RetryAfter() time.Duration { return f.after }

// Hold is how long the handler asked not to be called, or zero.
func (f *failure) Hold() time.Duration { return f.hold }

// Stack is where a panic came from, or empty.
func (f *failure) Stack() string { return string(f.stack) }
