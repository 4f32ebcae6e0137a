package producer

import "sync/atomic"

// budget bounds the requests, and the bytes of them, that have not ended.
type budget struct {
	maxBytes, maxCount int64
	bytes, count       atomic.Int64
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
func (b *budget) shrink(n int64) { b.bytes.Add(-n) }

// give ends a request that holds n bytes.
func (b *budget) give(n int64) {
	b.bytes.Add(-n)
	b.count.Add(-1)
}
