package stream

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
	"sluice/record"
)

const (
	// reads is how many blocks are read from Kafka at a time.
	reads = 8
	// blockBytes is what blocks may take in all.
	blockBytes = 64 << 20
	// nearby is by how many offsets a read may begin before the position of a
	// client that waits for it instead of beginning its own.
	nearby = 10_000
)

// blocks are what clients read from Kafka whose position is older than the
// ring. A block is a run of records of a partition from an offset on; whoever
// needs a record that is in one takes that, and whoever needs one that is being
// read waits for it, so a thousand clients that come back at once cost Kafka
// about one. All methods may be called at any time from any goroutine.
type blocks struct {
	client *kgo.Client // apart from those of the tails
	slots  chan struct{}
	on     context.Context //nolint:containedctx // A read outlives the client that asked for it.
	work   sync.WaitGroup
	count  func() // of each read

	mu     sync.Mutex
	ready  map[blockOf][]*block // by their offset
	flying map[blockOf][]*flight
	order  *list.List // the latest used first
	bytes  int
}

// blockOf is a partition of a topic that was not made anew since.
type blockOf struct {
	topic     string
	id        record.TopicID
	partition int32
}

// block has all committed records from offset from to below next.
type block struct {
	of         blockOf
	from, next int64
	batch      *batch
	size       int
	place      *list.Element // nil when it is forgotten
}

// flight is a read under way.
type flight struct {
	from int64
	done chan struct{}
	got  *block
	err  error
}

func newBlocks(ctx context.Context, client *kgo.Client, count func()) *blocks {
	return &blocks{
		client: client, slots: make(chan struct{}, reads), on: ctx, count: count,
		ready: map[blockOf][]*block{}, flying: map[blockOf][]*flight{}, order: list.New(),
	}
}

// read returns a block that has the offset in it, or one that begins and ends
// there where nothing is to be read yet. The error is an *outside where the
// offset is not in the log, or ErrAway.
func (b *blocks) read(ctx context.Context, t *tail, of blockOf, offset int64) (*block, error) {
	var tried *flight
	for {
		ready, f := b.find(t, of, offset, tried)
		if ready != nil {
			return ready, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		gone := (*outside)(nil)
		switch {
		case f.err == nil && f.got.from <= offset && (offset < f.got.next || f.got.next == f.from && offset == f.from):
			return f.got, nil
		case f.from == offset && f.err != nil, f.err != nil && !errors.As(f.err, &gone):
			return nil, f.err
		}
		tried = f
	}
}

// find returns the block that has the offset, or a read that may bring it: one
// that is under way, but for the one that was tried, or a new one.
func (b *blocks) find(t *tail, of blockOf, offset int64, tried *flight) (*block, *flight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.ready[of]
	if i, at := slices.BinarySearchFunc(all, offset, func(x *block, o int64) int { return int(x.from - o) }); at || i > 0 {
		if !at {
			i--
		}
		if x := all[i]; offset < x.next {
			b.order.MoveToFront(x.place)
			return x, nil
		}
	}
	for _, f := range b.flying[of] {
		if f != tried && f.from <= offset && offset-f.from <= nearby {
			return nil, f
		}
	}
	f := &flight{from: offset, done: make(chan struct{})}
	b.flying[of] = append(b.flying[of], f)
	b.work.Go(func() { b.fly(t, of, f) })
	return nil, f
}

// fly reads a block and keeps it.
func (b *blocks) fly(t *tail, of blockOf, f *flight) {
	defer close(f.done)
	select {
	case b.slots <- struct{}{}:
		f.got, f.err = b.fetch(t, of, f.from)
		<-b.slots
	case <-b.on.Done():
		f.err = b.on.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying[of] = slices.DeleteFunc(b.flying[of], func(x *flight) bool { return x == f })
	if len(b.flying[of]) == 0 {
		delete(b.flying, of)
	}
	if f.err == nil && f.got.next > f.got.from {
		b.keep(f.got)
	}
}

// fetch reads from Kafka.
func (b *blocks) fetch(t *tail, of blockOf, offset int64) (*block, error) {
	b.count()
	leader := t.leader(of.partition)
	if leader < 0 {
		t.soon()
		return nil, kafka.ErrAway
	}
	got, err := kafka.Fetch(b.on, b.client, of.topic, of.id, leader, []kafka.Place{{Partition: of.partition, Next: offset}}, 0)
	if err != nil || len(got) != 1 {
		t.soon()
		return nil, errors.Join(kafka.ErrAway, err)
	}
	f := got[0]
	switch {
	case errors.Is(f.Err, kerr.OffsetOutOfRange):
		gone, err := t.outOfRange(b.on, b.client, of.partition, offset)
		if err != nil || gone == nil {
			return nil, errors.Join(kafka.ErrAway, err)
		}
		return nil, gone
	case errors.Is(f.Err, kafka.ErrUnreadable) && f.Behind > offset:
		return nil, &outside{partitionGap(of.topic, of.partition, offset, f.Behind, Unreadable), boundsOf(f)}
	case f.Err != nil:
		t.soon()
		return nil, errors.Join(kafka.ErrAway, f.Err)
	}
	x := &block{of: of, from: offset, next: f.Next, batch: &batch{topic: of.topic, id: of.id, records: copyRecords(f.Records)}}
	x.batch.size = sizeOf(x.batch.records)
	x.size = x.batch.size + batchOverhead
	x.batch.grown = func(n int) { b.grown(x, n) }
	return x, nil
}

// keep puts a block where others find it, and forgets those that were not used
// for longest.
func (b *blocks) keep(x *block) {
	all := b.ready[x.of]
	i, same := slices.BinarySearchFunc(all, x.from, func(y *block, o int64) int { return int(y.from - o) })
	if same {
		b.forget(all[i])
		all = b.ready[x.of]
	}
	b.ready[x.of] = slices.Insert(all, i, x)
	x.place = b.order.PushFront(x)
	b.bytes += x.size
	b.shrink()
}

func (b *blocks) shrink() {
	for b.bytes > blockBytes && b.order.Len() > 1 {
		b.forget(b.order.Back().Value.(*block))
	}
}

func (b *blocks) forget(x *block) {
	b.order.Remove(x.place)
	x.place = nil
	b.bytes -= x.size
	b.ready[x.of] = slices.DeleteFunc(b.ready[x.of], func(y *block) bool { return y == x })
	if len(b.ready[x.of]) == 0 {
		delete(b.ready, x.of)
	}
}

func (b *blocks) grown(x *block, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x.place != nil {
		x.size += n
		b.bytes += n
		b.shrink()
	}
}
