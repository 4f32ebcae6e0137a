package producer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// flightRecords and flightBytes bound a flight, and with it how many
	// records of a topic can be "unknown" when Kafka falls silent.
	flightRecords = 1024
	flightBytes   = 1 << 20
	// leastLeft is the time that a record must have left to be handed over.
	// With less, an acknowledgement would come too late to be told, and the
	// answer would be "unknown" where "no" is still true.
	leastLeft = 100 * time.Millisecond
)

// queue is the flight queue of a topic: at most one flight of records is with
// the Kafka client, what arrives meanwhile becomes the next. It is a group
// commit without a linger (a record that comes alone leaves at once), and what
// is still queued was never handed over, so it can be withdrawn truthfully.
type queue struct {
	topic   string
	client  *client
	metrics *metrics

	mu          sync.Mutex
	first, last *Entry // waiting for the next flight
	flying      bool
	stalled     *Error    // why nothing is queued at present
	tookOff     time.Time // of the flight
	aloft       atomic.Int32
}

// submit hands the entry over, or queues it behind the present flight. A
// refusal means that the entry was not taken.
func (q *queue) submit(e *Entry) *Error {
	q.mu.Lock()
	if q.stalled != nil {
		defer q.mu.Unlock()
		return q.stalled
	}
	e.queue = q
	e.refs.Add(1)
	if q.flying {
		q.push(e)
		q.mu.Unlock()
		return nil
	}
	q.flying, q.tookOff = true, time.Now()
	q.aloft.Store(1)
	q.mu.Unlock()
	q.handOver(e)
	return nil
}

// withdraw takes the entry out of the queue. It returns false when the entry
// has been handed over: then only Kafka can tell.
func (q *queue) withdraw(e *Entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !e.queued {
		return false
	}
	q.remove(e)
	e.Release()
	return true
}

// landed counts an ended record of the flight; the last one starts the next.
func (q *queue) landed() {
	if q.aloft.Add(-1) > 0 {
		return
	}
	for e := q.takeOff(); e != nil; {
		next := e.next
		e.next = nil
		q.handOver(e)
		e = next
	}
}

// takeOff makes the next flight of what waits, and returns it as a list.
func (q *queue) takeOff() *Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stalled = nil
	now := time.Now()
	var flight, tail *Entry
	var count int32
	for bytes := 0; q.first != nil; {
		e := q.first
		if e.deadline.Sub(now) < leastLeft {
			q.remove(e)
			e.end(q.late())
			continue
		}
		size := len(e.Record.Key) + len(e.Record.Value)
		if count > 0 && (count == flightRecords || bytes+size > flightBytes) {
			break
		}
		q.remove(e)
		count++
		bytes += size
		if tail == nil {
			flight = e
		} else {
			tail.next = e
		}
		tail = e
	}
	q.flying, q.tookOff = count > 0, now
	q.aloft.Store(count)
	return flight
}

// handOver gives the entry to the Kafka client. The context is nobody's: one
// that ends would fail the records of other requests beside this one.
func (q *queue) handOver(e *Entry) {
	e.handed = q.client.seen.mark()
	q.client.kafka.TryProduce(context.Background(), &e.Record, e.promise)
}

// stall refuses what waits, and what comes until the flight has landed, if the
// flight took off before the given time. It reports whether it did.
func (q *queue) stall(before time.Time, reason *Error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.flying || q.stalled != nil || q.tookOff.After(before) {
		return false
	}
	q.stalled = reason
	for q.first != nil {
		e := q.first
		q.remove(e)
		e.end(reason)
	}
	return true
}

// stuck returns the reason while the queue refuses records, else nil.
func (q *queue) stuck() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stalled != nil {
		return q.stalled
	}
	return nil
}

func (q *queue) late() *Error {
	return refuse(Late, "the record waited for Kafka until its deadline and was withdrawn")
}

func (q *queue) push(e *Entry) {
	e.queued, e.prev, e.next = true, q.last, nil
	if q.last == nil {
		q.first = e
	} else {
		q.last.next = e
	}
	q.last = e
}

func (q *queue) remove(e *Entry) {
	if e.prev == nil {
		q.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		q.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.queued, e.prev, e.next = false, nil, nil
}
