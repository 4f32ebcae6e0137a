package consumer

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/record"
)

// The bounds of one partition's window. A partition is paused when it has more
// than either, and resumed when it has less than half of both. One fetch may
// come on top. The number of records is what a handler that takes 10 µs a
// record works off in a tenth of a second, longer than a fetch takes to
// arrive, so that pausing costs a fast handler nothing.
const (
	maxWindowRecords = 10_000
	maxWindowBytes   = 4 << 20
	// recordOverhead is what a record takes in memory beside its bytes.
	recordOverhead = 350
)

// entry is a record in the window.
type entry struct {
	record record.Record // as the handler sees it
	kafka  *kgo.Record
	// redriven is what is known of a record that was a dead letter.
	redriven *deadletter.Letter
	results  []*kgo.Record // of a Transform
	next     *entry        // in its lane
	ended    bool          // nothing is left to do for it
	// uncommitted is set while what a Transform has made of it is not in Kafka.
	uncommitted bool
}

func (e *entry) control() bool { return e.kafka.Attrs.IsControl() }

// after is the position behind the record.
func (e *entry) after() kgo.EpochOffset {
	return kgo.EpochOffset{Epoch: e.kafka.LeaderEpoch, Offset: e.kafka.Offset + 1}
}

// batch is an element of a window: records in their order, or a jump.
type batch struct {
	entries []entry
	first   int // the entries before it have left the window
	// jump, where there are no entries, is where the position goes without a
	// record being handled: the log no longer has what is in between.
	jump kgo.EpochOffset
}

// window holds what was fetched of a partition, from the first record that has
// not ended on. It has no lock of its own.
type window struct {
	batches []batch
	records int
	bytes   int
}

func (w *window) push(b batch) {
	w.batches = append(w.batches, b)
	w.records += len(b.entries)
	for i := range b.entries {
		w.bytes += size(b.entries[i].kafka)
	}
}

// advance takes what has ended off the front, and returns the new position, if
// it has moved. Each entry that leaves is passed to left, in order.
func (w *window) advance(left func(*entry)) (position kgo.EpochOffset, moved bool) {
	for len(w.batches) > 0 {
		b := &w.batches[0]
		if b.entries == nil {
			position, moved = b.jump, true
		}
		for b.first < len(b.entries) {
			e := &b.entries[b.first]
			if !e.ended {
				return position, moved
			}
			position, moved = e.after(), true
			w.records--
			w.bytes -= size(e.kafka)
			b.first++
			if left != nil {
				left(e)
			}
		}
		w.batches[0] = batch{}
		w.batches = w.batches[1:]
	}
	return position, moved
}

func (w *window) full() bool { return w.records > maxWindowRecords || w.bytes > maxWindowBytes }

func (w *window) low() bool { return w.records <= maxWindowRecords/2 && w.bytes <= maxWindowBytes/2 }

func size(r *kgo.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}
