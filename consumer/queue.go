package consumer

import "github.com/twmb/franz-go/pkg/kgo"

// The bounds of one partition's queue. A partition is paused when it has more
// than either, and resumed when it has less than half of both. One fetch may
// come on top. The number of records is what a handler that takes 10 µs a
// record works off in a fifth of a second, longer than a fetch takes to
// arrive, so that pausing costs a fast handler nothing.
const (
	maxQueuedRecords = 20_000
	maxQueuedBytes   = 4 << 20
	// recordOverhead is what a record takes in memory beside its bytes.
	recordOverhead = 200
)

// batch is an entry of a queue: records in their order, or a jump.
type batch struct {
	records []*kgo.Record
	// jump, where there are no records, is where the position goes without a
	// record being handled: the log no longer has what is in between.
	jump kgo.EpochOffset
}

// queue holds what was fetched of a partition and not yet handled. It has no
// lock of its own.
type queue struct {
	batches []batch
	records int // including the ones of a batch that was taken
	bytes   int
}

func (q *queue) push(b batch) {
	q.batches = append(q.batches, b)
	for _, r := range b.records {
		q.records++
		q.bytes += size(r)
	}
}

func (q *queue) take() batch {
	b := q.batches[0]
	q.batches[0] = batch{}
	q.batches = q.batches[1:]
	return b
}

// done takes a record off the count, after it was handled.
func (q *queue) done(r *kgo.Record) {
	q.records--
	q.bytes -= size(r)
}

func (q *queue) full() bool {
	return q.records > maxQueuedRecords || q.bytes > maxQueuedBytes
}

func (q *queue) low() bool {
	return q.records <= maxQueuedRecords/2 && q.bytes <= maxQueuedBytes/2
}

func size(r *kgo.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// hold pauses or resumes the fetching for a reason that is not the queue: the
// offset to fetch from is looked for, or the last fetch was refused. It reports
// whether that changed anything.
func (p *partition) hold(on bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced || p.held == on {
		return false
	}
	p.held = on
	p.flow()
	return true
}

// flow makes the client fetch the partition or not, as the two reasons say.
// It is called under the lock so that a pause and a resume cannot overtake
// each other; the client never calls us with a lock that it takes here.
func (p *partition) flow() {
	switch pause := p.full || p.held; {
	case pause && !p.paused:
		p.group.client.PauseFetchPartitions(p.list())
		p.paused = true
	case !pause && p.paused:
		p.group.client.ResumeFetchPartitions(p.list())
		p.paused = false
	}
}
