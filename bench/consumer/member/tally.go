package member

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts the records that were handled. A counter for each partition
// keeps the goroutines of a group from waiting for each other's.
type tally struct {
	first      *first
	partitions []tallied
	left       atomic.Int64 // partitions that are not at their end
	warm       int64
	work       time.Duration
	end        chan struct{}

	begin      sync.Once
	begun      atomic.Bool
	from, upTo moment
	failed     error // of reading the processor time
}

// tallied is what was handled of one partition.
type tallied struct {
	records atomic.Int64
	offsets atomic.Int64 // their sum, which tells a record that came twice from one that is missing
	want    int64
	_       [104]byte // Two lines of a processor's cache, so that no two partitions share one.
}

// moment is how far the member was, and what it had used.
type moment struct {
	records int64
	at      time.Time
	cpu     time.Duration
}

func newTally(spec Spec, f *first) (*tally, error) {
	t := &tally{first: f, warm: spec.Warm, work: spec.Work, end: make(chan struct{}), partitions: make([]tallied, len(spec.Ends))}
	var most int64
	for id, end := range spec.Ends {
		if id < 0 || int(id) >= len(t.partitions) || end < 0 {
			return nil, fmt.Errorf("partition %d with the end %d is not one of %d", id, end, len(t.partitions))
		}
		t.partitions[id].want = end
		most = max(most, end)
		if end > 0 {
			t.left.Add(1)
		}
	}
	if most <= t.warm {
		return nil, fmt.Errorf("a warm-up of %d records leaves nothing of the %d in a partition", t.warm, most)
	}
	return t, nil
}

func (t *tally) done() <-chan struct{} { return t.end }

func (t *tally) take(ctx context.Context, partition int32, offset int64, _ []byte) error {
	t.first.came()
	p := &t.partitions[partition]
	if !t.begun.Load() && p.records.Load() >= t.warm {
		t.begin.Do(func() {
			t.from = t.now()
			t.begun.Store(true)
		})
	}
	if t.work > 0 {
		if err := wait(ctx, t.work); err != nil {
			return err
		}
	}
	p.offsets.Add(offset)
	if p.records.Add(1) == p.want && t.left.Add(-1) == 0 {
		t.upTo = t.now()
		close(t.end)
	}
	return nil
}

// now reads how far the member is. The counters are read one after the other,
// which is off by what is handled in less than a microsecond.
func (t *tally) now() moment {
	var m moment
	for i := range t.partitions {
		m.records += t.partitions[i].records.Load()
	}
	m.at = time.Now()
	var err error
	if m.cpu, err = processorTime(); err != nil {
		t.failed = err
	}
	return m
}

// result checks that every record was handled once and no more.
func (t *tally) result() (Result, error) {
	select {
	case <-t.end:
	default:
		return Result{}, errors.New("ended before all records were handled")
	}
	for id := range t.partitions {
		p := &t.partitions[id]
		if n, want := p.records.Load(), p.want; n != want || p.offsets.Load() != want*(want-1)/2 {
			return Result{}, fmt.Errorf("of the %d records of partition %d, %d were handled, not each of them once", want, id, n)
		}
	}
	return Result{
		Records: t.upTo.records - t.from.records, Elapsed: t.upTo.at.Sub(t.from.at), CPU: t.upTo.cpu - t.from.cpu,
	}, t.failed
}

// wait is the work of a handler: it waits for something else, such as a
// database, and needs no processor for it.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
