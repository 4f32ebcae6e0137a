package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"sluice/internal/deadletter"
)

// What a handler's error means, where it is not just "try again" with the pause
// that the settings give. Errors that wrap one of these mean the same.

// Permanent says that another attempt would fail, too: the record is given up
// at once. It returns nil where err is nil.
func Permanent(err error) error { return newFailure(err, failure{class: deadletter.Permanent}) }

// Undecodable is Permanent for a record that the handler cannot read; its dead
// letter says "decode".
func Undecodable(err error) error { return newFailure(err, failure{class: deadletter.Decode}) }

// RetryAfter says that another attempt makes no sense before d has passed. It
// counts as an attempt.
func RetryAfter(err error, d time.Duration) error { return newFailure(err, failure{after: d}) }

// Hold says that it is not for the record that the handler cannot work now,
// such as an endpoint that is down. It does not count as an attempt, and this
// member's handler is given no record before d has passed; what is in work
// goes on. Metrics and the state of the group show it with err's text.
func Hold(err error, d time.Duration) error { return newFailure(err, failure{hold: max(d, minHold)}) }

// minHold keeps a handler that says "hold, for no time" from spinning.
const minHold = 10 * time.Millisecond

// failure is what became of an attempt that has failed.
type failure struct {
	err   error
	class deadletter.Class // not empty: give up
	after time.Duration
	hold  time.Duration
	stack []byte // of a panic
	late  bool   // it took longer than its timeout
}

func newFailure(err error, f failure) error {
	if err == nil {
		return nil
	}
	f.err = err
	return &f
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// kind is the failure's label in metrics.
func (f *failure) kind() string {
	switch {
	case f.class != "":
		return string(f.class)
	case f.hold > 0:
		return "hold"
	case f.late:
		return "timeout"
	}
	return "error"
}

// errPanic is in the chain of the error that a panic is turned into.
var errPanic = errors.New("panic in handler")

// attempt has the handler called for a record, and says how that has failed, or
// nil.
func attempt(ctx context.Context, timeout time.Duration, call func(context.Context, *entry) error, e *entry) (failed *failure) {
	defer func() {
		if v := recover(); v != nil {
			failed = &failure{err: fmt.Errorf("%w: %v", errPanic, v), class: deadletter.Panic, stack: debug.Stack()}
		}
	}()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := call(ctx, e)
	if err == nil {
		return nil
	}
	said, ok := errors.AsType[*failure](err)
	if !ok {
		said = &failure{}
	}
	result := *said // The handler may return one and the same again.
	result.err = err
	result.late = timeout > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded)
	return &result
}
