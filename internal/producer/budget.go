package producer

import (
	"context"
	"sync/atomic"
)

// budget bounds the requests, and the bytes of them, that have not ended.
type budget struct {
	maxBytes, maxCount int64
	bytes, count       atomic.Int64

	waiting atomic.Int32
	wake    chan struct{} // of capacity 1: there may be room
}

func newBudget(limits Limits) *budget {
	return &budget{maxBytes: int64(limits.InFlight), maxCount: int64(limits.Requests), wake: make(chan struct{}, 1)}
}

// take reserves room for one request of n bytes, or nothing.
func (b *budget) take(n int64) bool {
	if b.count.Add(1) > b.maxCount {
		b.count.Add(-1)
		return false
	}
	if !b.grow(n) {
		b.count.Add(-1)
		return false
	}
	return true
}

// grow reserves n more bytes for a request that has room already, or nothing.
func (b *budget) grow(n int64) bool {
	if b.bytes.Add(n) > b.maxBytes {
		b.bytes.Add(-n)
		return false
	}
	return true
}

// shrink gives n bytes back early.
func (b *budget) shrink(n int64) {
	b.bytes.Add(-n)
	b.call()
}

// give ends a request that holds n bytes.
func (b *budget) give(n int64) {
	b.bytes.Add(-n)
	b.count.Add(-1)
	b.call()
}

// call wakes one of those that wait; it calls the next one when it has done.
func (b *budget) call() {
	if b.waiting.Load() == 0 {
		return
	}
	select {
	case b.wake <- struct{}{}:
	default: // Somebody is being called already.
	}
}

// wait tries, again whenever something is given back, until it succeeds, fails
// for another reason than the budget, or ctx ends.
func (b *budget) wait(ctx context.Context, try func() *Error) *Error {
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	for {
		err := try()
		if err == nil || err.Reason != Busy && err.Reason != Limited {
			b.call()
			return err
		}
		select {
		case <-b.wake:
		case <-ctx.Done():
			return err
		}
	}
}
