package stream

import (
	"context"
	"sync"
	"time"

	"sluice/internal/kafka"
	"sluice/internal/stream/filter"
	"sluice/record"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// batchBytes is about how much is sent in one piece.
	batchBytes = 64 << 10
	// idsOnAll is up to how many partitions each event carries an id. With more
	// of them the ids would outweigh the records.
	idsOnAll = 16
	// recordOverhead is about what a record costs beside its bytes.
	recordOverhead = 160
	// batchOverhead is about what a batch costs beside its records.
	batchOverhead = 640
)

// batch is a run of records of a topic, or a gap, that does not change any
// more. What is made of it, for all clients that want the same, is made once.
type batch struct {
	topic   string
	id      record.TopicID
	records []rec
	gap     *Gap // then there are no records
	size    int  // of the records, in bytes

	seq uint64 // its number in the ring

	// before and after are the ring's position around the batch; nil for a
	// block, which is of one partition and lies at no place of a ring.
	before, after []int64

	// grown is told when the batch takes more memory.
	grown func(bytes int)

	mu     sync.Mutex
	frames [formats * valueForms]*frames
	chosen map[*filter.Filter]*verdict
}

// rec is a record of a batch.
type rec struct {
	partition  int32
	offset     int64
	millis     int64
	key, value []byte
	headers    []record.Header
}

// copyRecords copies records, so that they hold nothing but their own bytes:
// what Kafka answers is a buffer for many, and one of them would keep it all.
func copyRecords(in []*kgo.Record) []rec {
	size := 0
	for _, r := range in {
		size += len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			size += len(h.Value)
		}
	}
	arena := make([]byte, 0, size)
	own := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		at := len(arena)
		arena = append(arena, b...)
		return arena[at:len(arena):len(arena)]
	}
	out := make([]rec, len(in))
	for i, r := range in {
		out[i] = rec{partition: r.Partition, offset: r.Offset, millis: kafka.Millis(r.Timestamp), key: own(r.Key), value: own(r.Value)}
		if len(r.Headers) > 0 {
			out[i].headers = make([]record.Header, len(r.Headers))
			for j, h := range r.Headers {
				out[i].headers[j] = record.Header{Key: h.Key, Value: own(h.Value)}
			}
		}
	}
	return out
}

// bytes is what the record takes of memory, about.
func (r *rec) bytes() int {
	n := recordOverhead + len(r.key) + len(r.value)
	for _, h := range r.headers {
		n += 64 + len(h.Key) + len(h.Value)
	}
	return n
}

// verdict is what a filter says of each record of a batch.
type verdict struct {
	match []bool
	cost  time.Duration
	errs  int // records that could not be judged, which do not match
}

// judge asks a filter about the batch, once for all clients that have it. Each
// of them spends what it costs; false means that this one has spent too much.
// Nobody waits for somebody else's filter.
func (b *batch) judge(f *filter.Filter, budget *filter.Budget) (*verdict, bool) {
	b.mu.Lock()
	v := b.chosen[f]
	b.mu.Unlock()
	if v != nil {
		return v, budget.Spend(v.cost)
	}
	v = &verdict{match: make([]bool, len(b.records))}
	begin := time.Now()
	for i := range b.records {
		ok, err := f.Match(context.Background(), b.records[i].seen())
		if err != nil {
			v.errs++
		}
		v.match[i] = ok && err == nil
		if i%spendEvery == spendEvery-1 || i == len(b.records)-1 {
			spent := time.Since(begin)
			if !budget.Spend(spent - v.cost) {
				return nil, false
			}
			v.cost = spent
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.chosen == nil {
		b.chosen = map[*filter.Filter]*verdict{}
	}
	b.chosen[f] = v
	return v, true
}

// spendEvery is after how many records the time is looked at.
const spendEvery = 16

// seen returns what a filter sees of the record.
func (r *rec) seen() *filter.Record {
	return &filter.Record{Partition: r.partition, Offset: r.offset, Timestamp: time.UnixMilli(r.millis), Key: r.key, Value: r.value, Headers: r.headers}
}

func sizeOf(records []rec) int {
	size := 0
	for i := range records {
		size += records[i].bytes()
	}
	return size
}
