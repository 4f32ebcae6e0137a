package producer

import (
	"fmt"
	"time"
)

// Outcome is what is known of a record when its request is answered.
type Outcome string

// The outcomes. Only Written is a success.
const (
	// Written: Kafka acknowledged the record with acks=all.
	Written Outcome = "yes"
	// NotWritten: the record is not in Kafka and never will be.
	NotWritten Outcome = "no"
	// Unknown: the record was handed over and no final answer came; it may be
	// in Kafka, or come later.
	Unknown Outcome = "unknown"
)

// Reason says why a record was not reported as written. Each dialect maps it
// to its own codes, in one place.
type Reason int

// The reasons, roughly in the order in which a record meets them.
const (
	// NotStarted: no connection to Kafka has been made yet.
	NotStarted Reason = iota + 1
	// Draining: the service is being stopped.
	Draining
	// Busy: the in-flight budget is used up.
	Busy
	// Limited: the principal's rate limit, or its share of the in-flight
	// budget, is used up.
	Limited
	// Away: Kafka does not answer, or does not acknowledge this topic's
	// records at present.
	Away
	// Invalid: the topic takes no such record.
	Invalid
	// TooLarge: the record is over its limit.
	TooLarge
	// NoTopic: the topic does not exist.
	NoTopic
	// NoPartition: the topic has no such partition.
	NoPartition
	// Forbidden: Kafka does not let us write to the topic.
	Forbidden
	// Refused: Kafka refused the record for good.
	Refused
	// Late: the deadline passed.
	Late
	// Failed: the client gave the record up, and an attempt may have arrived.
	Failed
)

// Error tells why a record was not reported as written, and what is known of
// it. Detail is written for the client of the request; Cause, which may be
// nil, is for the log.
type Error struct {
	Reason  Reason
	Outcome Outcome
	Detail  string
	Cause   error
	// RetryAfter is how long a client that was refused in passing is asked to
	// wait; zero means a second.
	RetryAfter time.Duration
}

// Error returns the detail, and the cause where there is one.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Detail + ": " + e.Cause.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Refusal makes the error of a record that was never handed to the client.
func Refusal(reason Reason, detail string) *Error {
	return &Error{Reason: reason, Outcome: NotWritten, Detail: detail}
}

// refuse is Refusal with a format.
func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Outcome: NotWritten, Detail: fmt.Sprintf(format, args...)}
}
