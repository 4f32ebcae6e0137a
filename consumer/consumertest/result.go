package consumertest

import (
	"fmt"
	"strings"
	"time"

	"sluice/record"
)

// Outcome is what a group does after a call of a handler.
type Outcome string

const (
	// Handled is for a record that is done: its offset may be committed.
	Handled Outcome = "handled"
	// Retried is for a record that comes again, unless this was its last
	// attempt, which Config.Retry decides; then it is given up.
	Retried Outcome = "retried"
	// GivenUp is for a record without any further attempt: it becomes a dead
	// letter, or with OnFailure: Stop holds its partition.
	GivenUp Outcome = "given up"
	// Held is for a handler that cannot work, whatever the record. It is not
	// called for a while; then the record comes again, and this was no attempt.
	Held Outcome = "held"
	// Broken is for a handler that has changed its record, which it must not. A
	// group cannot see that; a test can.
	Broken Outcome = "broken"
)

// Result is what became of a record.
type Result struct {
	Outcome Outcome
	// Err is the handler's error, or what says that it has panicked; errors.Is
	// and errors.As find what it wraps. It is nil where the record was handled.
	Err error
	// Class is why the record was given up, as in the header
	// x-dlq-error-class of its dead letter: permanent, decode or panic.
	Class string
	// After is how long the record waits at least, where it is retried (zero:
	// as long as Config.Retry says), or the handler is held.
	After time.Duration
	// Made are the records that a consumer.Transform has made, in its order.
	Made []record.Record
	// Stack is where a panic came from.
	Stack string
}

// String says it in a line, such as "given up (permanent): no such customer".
// The stack of a panic follows on lines of its own.
func (r Result) String() string {
	var b strings.Builder
	b.WriteString(string(r.Outcome))
	switch {
	case r.Class != "":
		_, _ = fmt.Fprintf(&b, " (%s)", r.Class)
	case r.Outcome == Held:
		_, _ = fmt.Fprintf(&b, " (for %s)", r.After)
	case r.After > 0:
		_, _ = fmt.Fprintf(&b, " (after %s at least)", r.After)
	case len(r.Made) > 0:
		_, _ = fmt.Fprintf(&b, " (records made: %d)", len(r.Made))
	}
	if r.Err != nil {
		b.WriteString(": " + r.Err.Error())
	}
	if r.Stack != "" {
		b.WriteString("\n" + r.Stack)
	}
	return b.String()
}
