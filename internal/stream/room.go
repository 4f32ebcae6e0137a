package stream

import "sync/atomic"

// room is the memory that all rings may take together, and each of them.
type room struct {
	ring, all int // bytes
	used      atomic.Int64
}

func (r *room) take(n int) { r.used.Add(int64(n)) }
func (r *room) give(n int) { r.used.Add(-int64(n)) }

// over returns by how much the rings are larger than they may be together.
func (r *room) over() int { return int(r.used.Load()) - r.all }

// full reports whether there is none for another topic.
func (r *room) full() bool { return r.over() >= 0 }
