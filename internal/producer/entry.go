package producer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// AnyPartition lets the writer choose the partition: by the key's hash where
// there is a key, else evenly.
const AnyPartition = -1

// Entry is one record on its way, with the room in the budget and the buffer
// that it holds. It is made by Writer.Admit, filled by a dialect, written once
// and released once by the request that made it; the writer holds on to it for
// as long as the Kafka client does, which may be longer.
//
// Fill Record's Topic, Partition (AnyPartition for any), Key, Value, Headers
// and Timestamp (zero for now). Key, Value and Headers may point into Buffer.
type Entry struct {
	Record kgo.Record
	// Buffer is scratch space that lives as long as the record. It is the
	// caller's to grow, within the room that was admitted.
	Buffer []byte

	writer *Writer
	room   int64
	refs   atomic.Int32

	deadline time.Time
	timer    *time.Timer
	ended    chan struct{} // of capacity 1: the result is in
	err      *Error        // the result; valid after ended

	// The rest belongs to the flight queue.
	queue      *queue
	prev, next *Entry
	queued     bool
	promise    func(*kgo.Record, error) // e.finish, stored once
	handed     mark                     // in the client's sightings, at the hand-over
}

var entries sync.Pool

// newEntry takes an entry from the pool, or makes one.
func newEntry() *Entry {
	if e, ok := entries.Get().(*Entry); ok {
		return e
	}
	e := &Entry{ended: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	e.timer.Stop()
	e.promise = e.finish
	return e
}

// keepBuffer is the largest buffer that is kept for the next entry.
const keepBuffer = 64 << 10

// Grow takes n more bytes of room, or refuses with the reason Busy.
func (e *Entry) Grow(n int64) *Error {
	if !e.writer.budget.grow(n) {
		return e.writer.busy()
	}
	e.room += n
	return nil
}

// Shrink gives n bytes of room back.
func (e *Entry) Shrink(n int64) {
	e.room -= n
	e.writer.budget.shrink(n)
}

// Release ends the request's use of the entry. Nothing of it may be touched
// afterwards.
func (e *Entry) Release() {
	if e.refs.Add(-1) != 0 {
		return
	}
	e.writer.budget.give(e.room)
	select {
	case <-e.ended:
	default:
	}
	e.Record = kgo.Record{}
	e.err, e.writer, e.queue, e.room = nil, nil, nil, 0
	if cap(e.Buffer) > keepBuffer {
		e.Buffer = nil
	}
	e.Buffer = e.Buffer[:0]
	entries.Put(e)
}

// end tells the request the result, once, and ends the writer's use of the
// entry.
func (e *Entry) end(err *Error) {
	e.err = err
	e.ended <- struct{}{}
	e.Release()
}

// finish is the client's promise. It runs on the client's one goroutine for
// promises, so it must not block: the channel has room for its one value.
func (e *Entry) finish(r *kgo.Record, err error) {
	q := e.queue
	var failure *Error
	if err != nil {
		failure = classify(err, q.client.seen.since(e.handed))
	}
	q.metrics.ended(r, failure)
	e.end(failure)
	q.landed()
}
