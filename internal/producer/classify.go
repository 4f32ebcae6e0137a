package producer

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// evidence is what was seen on a client's connections between the hand-over
// of a record and the end of it.
type evidence struct {
	// wrote: a produce request began to be written to some broker.
	wrote bool
	// lost: a connection to some broker ended, and with it, perhaps, the
	// answer to a request that was carried out.
	lost bool
	// retried: a produce request may have been repeated after an answer that
	// leaves open whether the first one was appended. Before it does so, the
	// client asks for metadata or pauses.
	retried bool
}

// classify turns the error with which the client ended a record into what may
// be said of it. It is the allow-list of "not written": whatever is not
// proved here is unknown, because the client reports the error of its last
// attempt only, and an earlier one may have been appended and its answer lost.
func classify(err error, seen evidence) *Error {
	e := &Error{Reason: Failed, Outcome: Unknown, Detail: "Kafka did not acknowledge the record; it may have been written", Cause: err}
	switch {
	case errors.Is(err, kgo.ErrMaxBuffered):
		// Refused by the client before it kept the record.
		e.Reason, e.Outcome, e.Detail = Busy, NotWritten, "too many records are in flight"
	case !seen.wrote:
		// The client has let go of the record, and no request that could
		// have carried it has ever begun.
		e.Outcome, e.Detail = NotWritten, "the record could not be sent to Kafka"
		e.Reason = reasonOf(err, Away)
	case !seen.lost && !seen.retried && refusedForGood(err):
		// A broker refused the batch that carried the record, and there was
		// no other request that could have carried it.
		e.Outcome, e.Detail = NotWritten, "Kafka refused the record"
		e.Reason = reasonOf(err, Refused)
	}
	return e
}

// refusedForGood lists the answers by which a broker says that it has not
// appended a batch and that a repeat will not help. Answers that a healthy
// cluster also gives in passing (NOT_LEADER, NOT_ENOUGH_REPLICAS, time-outs)
// are left out: they say nothing about an earlier attempt.
func refusedForGood(err error) bool {
	for _, code := range []*kerr.Error{
		kerr.MessageTooLarge,
		kerr.RecordListTooLarge,
		kerr.InvalidRecord,
		kerr.InvalidTimestamp,
		kerr.InvalidTopicException,
		kerr.TopicAuthorizationFailed,
		kerr.ClusterAuthorizationFailed,
		kerr.PolicyViolation,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// reasonOf finds the reason that a client of the request can act on.
func reasonOf(err error, otherwise Reason) Reason {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return TooLarge
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return Forbidden
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.InvalidTopicException):
		return NoTopic
	case errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTimestamp), errors.Is(err, kerr.PolicyViolation):
		return Refused
	}
	return otherwise
}
