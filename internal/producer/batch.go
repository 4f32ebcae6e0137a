package producer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

// AnyPartition lets the writer choose the partition: by the key's hash where
// there is a key, else evenly.
const AnyPartition = kafka.AnyPartition

// RecordRoom is what a record of a batch takes beside its bytes, for those who
// have to take room for many of them.
const RecordRoom = int64(unsafe.Sizeof(slot{}))

// Account is whose share of the in-flight budget a batch uses. It is the
// principal of the request.
type Account interface {
	// Hold takes bytes from the share, or reports that it is used up.
	Hold(bytes int64) bool
	// Free gives bytes back.
	Free(bytes int64)
}

// Batch is records of one topic on their way together: the one of a simple
// request, or a piece of a large one. They are handed to Kafka in their order,
// and each has an outcome of its own.
//
// A batch is made by Writer.Admit, filled by a dialect, submitted at most once
// and released once by the request that made it; the writer holds on to it for
// as long as the Kafka client does, which may be longer. Between Submit and
// the end of Wait nobody else may touch it, and afterwards only through Result.
type Batch struct {
	// Topic is where the records go.
	Topic string
	// Buffer is scratch space that lives as long as the records, whose keys,
	// values and headers may point into it. It is the caller's to grow, within
	// the room that was admitted.
	Buffer []byte

	writer  *Writer
	account Account
	room    int64
	refs    atomic.Int32

	slots      []slot
	bytes      int // keys and values of those that go to Kafka
	going      int // how many go to Kafka
	appendTime bool
	submitted  time.Time
	deadline   time.Time
	timer      *time.Timer
	ended      chan struct{} // of capacity 1: every record has its result

	// The rest belongs to the flight queue. left and aloft are counted by the
	// client's one goroutine for promises.
	queue      *queue
	client     *client
	handed     mark // in the client's sightings, at the hand-over
	left       int  // records without a result
	aloft      int  // records that are with the client
	prev, next *Batch
	queued     bool
}

// slot is one record of a batch. It is the record's context, too: one that
// never ends, because a request's would fail the records of others beside it,
// and the way by which the client's promise finds the slot again. The client
// may keep the context for longer than the record, so its methods touch
// nothing.
type slot struct {
	record kgo.Record
	batch  *Batch
	done   atomic.Bool // the result is in err
	again  bool        // it has been sent again alone
	err    *Error
	told   *Error // what the request was told when it gave up
}

var _ context.Context = (*slot)(nil)

// Deadline is part of context.Context: there is none.
func (*slot) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is part of context.Context: never.
func (*slot) Done() <-chan struct{} { return nil }

// Err is part of context.Context: none.
func (*slot) Err() error { return nil }

// Value is part of context.Context: none.
func (*slot) Value(any) any { return nil }

var batches = sync.Pool{New: func() any {
	b := &Batch{ended: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	b.timer.Stop()
	return b
}}

// What is kept of a batch for the next one.
const (
	keepBuffer = 128 << 10
	keepSlots  = 1024
)

// Add appends a record and returns it to be filled: Partition (AnyPartition by
// default), Key, Value, Headers and Timestamp (now by default). The pointer is
// good until the next Add.
func (b *Batch) Add() *kgo.Record {
	b.slots = append(b.slots, slot{})
	r := &b.slots[len(b.slots)-1].record
	r.Partition = AnyPartition
	return r
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.slots) }

// Record returns one that was added, before the batch is submitted.
func (b *Batch) Record(i int) *kgo.Record { return &b.slots[i].record }

// Fail gives a record its result before the batch is submitted: it stays in
// its place and does not go to Kafka.
func (b *Batch) Fail(i int, err *Error) {
	b.slots[i].err = err
	b.slots[i].done.Store(true)
}

// Place is where Kafka has a record.
type Place struct {
	Partition int32
	Offset    int64
	// Timestamp is the record's; zero where the topic's brokers stamp records
	// themselves, which the client does not tell.
	Timestamp time.Time
}

// Result tells what became of a record, after Wait.
func (b *Batch) Result(i int) (Place, *Error) {
	s := &b.slots[i]
	switch {
	case s.told != nil:
		return Place{}, s.told
	case s.err != nil:
		return Place{}, s.err
	}
	p := Place{Partition: s.record.Partition, Offset: s.record.Offset}
	if !b.appendTime {
		p.Timestamp = s.record.Timestamp
	}
	return p, nil
}

// Grow takes n more bytes of room, or refuses.
func (b *Batch) Grow(n int64) *Error {
	if err := b.writer.hold(b.account, n); err != nil {
		return err
	}
	b.room += n
	return nil
}

// Shrink gives n bytes of room back.
func (b *Batch) Shrink(n int64) {
	b.room -= n
	b.writer.budget.shrink(n)
	if b.account != nil {
		b.account.Free(n)
	}
}

// Release ends the request's use of the batch. Nothing of it may be touched
// afterwards.
func (b *Batch) Release() {
	if b.refs.Add(-1) != 0 {
		return
	}
	b.writer.budget.give(b.room)
	if b.account != nil {
		b.account.Free(b.room)
	}
	select {
	case <-b.ended:
	default:
	}
	clear(b.slots)
	if cap(b.slots) > keepSlots {
		b.slots = nil
	}
	if cap(b.Buffer) > keepBuffer {
		b.Buffer = nil
	}
	*b = Batch{Buffer: b.Buffer[:0], slots: b.slots[:0], timer: b.timer, ended: b.ended}
	batches.Put(b)
}

// end tells the request that every record has its result, and ends the
// writer's use of the batch.
func (b *Batch) end() {
	b.ended <- struct{}{}
	b.Release()
}

// refuse ends a batch of which nothing was handed over.
func (b *Batch) refuse(err *Error) {
	b.writer.metrics.count(err)
	for i := range b.slots {
		if s := &b.slots[i]; !s.done.Load() {
			s.err = err
			s.done.Store(true)
		}
	}
	b.end()
}

// giveUp settles what the request is told of the records without a result,
// which may come at any moment.
func (b *Batch) giveUp(err *Error) {
	for i := range b.slots {
		if s := &b.slots[i]; !s.done.Load() {
			s.told = err
		}
	}
}
