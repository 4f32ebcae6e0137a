package filter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// ErrTooCostly is wrapped by the errors of Match where an expression takes
// more steps on a record than is allowed, or where the record is more than an
// expression may look into.
var ErrTooCostly = errors.New("the filter costs too much on this record")

// errNotBool is for expressions whose type is known only with the record.
var errNotBool = errors.New("the filter is neither true nor false of this record")

const (
	// maxTime ends a loop that takes far longer than it is charged for. It is
	// there for what the charges do not foresee, and a busy machine must not
	// reach it by itself: at the limit of cost, an evaluation takes 15 to
	// 100 ms.
	maxTime = time.Second
	// interruptEvery is after how many steps of a loop its time is looked at.
	interruptEvery = 16
)

// Filter is a compiled expression. It is immutable and safe for concurrent
// use.
type Filter struct {
	text    string
	program cel.Program
	loops   bool
	maxTime time.Duration // of one evaluation, if there are loops
}

// Text returns the expression as it was given to Compile.
func (f *Filter) Text() string { return f.text }

// Match reports whether the expression is true of the record. An error means
// that it could not be evaluated, as where it reads a field that is not there
// or divides by zero, and counts as "no match"; one that wraps ErrTooCostly
// says that it was given up. Errors may contain parts of the record, so they
// are counted and not logged.
//
// One evaluation takes tens of milliseconds at most, and the first that needs
// the value of a record pays for parsing it. Loops end when ctx does, with its
// error.
func (f *Filter) Match(ctx context.Context, r *Record) (match bool, err error) {
	if !f.loops {
		return result(f.program.Eval(variables{r}))
	}
	limited, cancel := context.WithTimeoutCause(ctx, f.maxTime, ErrTooCostly)
	defer cancel()
	match, err = result(f.program.ContextEval(limited, variables{r}))
	if err != nil && errors.Is(err, interpreter.InterruptError{}) {
		return false, fmt.Errorf("evaluate a filter: %w", context.Cause(limited))
	}
	return match, err
}

// result reads what an evaluation has returned.
func result(val any, _ *cel.EvalDetails, err error) (bool, error) {
	if err != nil {
		if e, ok := errors.AsType[interpreter.EvalCancelledError](err); ok && e.Cause == interpreter.CostLimitExceeded {
			return false, ErrTooCostly
		}
		return false, err
	}
	b, ok := val.(types.Bool)
	if !ok {
		return false, errNotBool
	}
	return bool(b), nil
}
