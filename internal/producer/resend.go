package producer

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// resendable reports whether a record may have failed for the sake of a
// neighbour: brokers refuse whole batches, and the client then fails all that
// it has buffered for the partition. Only a record that is certainly not in
// Kafka may be sent again.
func resendable(failure *Error, err error) bool {
	return failure.Outcome == NotWritten &&
		(errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) ||
			errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.InvalidTimestamp))
}

// resend sends the first of the records that wait for it, alone: nothing else
// of the topic is with the client, and what is queued comes after them all.
// So the guilty one fails by itself, and order is kept.
func (q *queue) resend() {
	s := q.alone[0]
	q.alone[0] = nil
	q.alone = q.alone[1:]
	if len(q.alone) == 0 {
		q.alone = nil
	}
	q.aloft.Store(1)
	q.mu.Lock()
	q.tookOff = time.Now()
	q.mu.Unlock()
	b := s.batch
	b.aloft = 1
	if time.Now().After(b.deadline) {
		// Its request has been answered.
		ended(&s.record, errTooLate)
		return
	}
	// The first attempt is settled: only this one counts as evidence.
	b.client = q.berth.client.Load()
	b.handed = b.client.seen.mark()
	b.client.kafka.TryProduce(s, &s.record, ended)
}

// errTooLate ends a record that nobody waits for any more.
var errTooLate = errors.New("the deadline passed before the record was sent again")
