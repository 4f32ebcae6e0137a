package member

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// unstamped is the number of a record that is not measured.
const unstamped = -1

// stampSize is what a stamp takes of a value.
const stampSize = 16

// Stamp writes into a value of 16 bytes or more which of the measured records
// it is, and when it was handed to the producer.
func Stamp(value []byte, number int64, at time.Time) {
	binary.BigEndian.PutUint64(value, uint64(number))
	binary.BigEndian.PutUint64(value[8:], uint64(at.UnixNano()))
}

// Unstamped marks a value of 16 bytes or more as one that is not measured.
func Unstamped(value []byte) { Stamp(value, unstamped, time.Time{}) }

// latencies are how old the stamped records were when they were handled. Both
// clocks are the machine's.
type latencies struct {
	first    *first
	seen     []atomic.Bool // by partition
	unseen   atomic.Int64
	ages     []atomic.Int64 // by the record's number; 0 for one that has not come
	left     atomic.Int64
	repeated atomic.Int64
	foreign  atomic.Int64 // records without a place for a stamp, or with another one's
	begin    atomic.Pointer[moment]
	upTo     moment
	end      chan struct{}
	failed   error
}

func newLatencies(n int64, partitions int, f *first) (*latencies, error) {
	if n < 1 || partitions < 1 {
		return nil, errors.New("there must be one stamped record or more, and one partition")
	}
	l := &latencies{first: f, seen: make([]atomic.Bool, partitions), ages: make([]atomic.Int64, n), end: make(chan struct{})}
	l.left.Store(n)
	l.unseen.Store(int64(partitions))
	return l, nil
}

func (l *latencies) done() <-chan struct{} { return l.end }

func (l *latencies) take(_ context.Context, partition int32, _ int64, value []byte) error {
	now := time.Now()
	// What is measured begins when every partition is read.
	if l.seen[partition].CompareAndSwap(false, true) && l.unseen.Add(-1) == 0 {
		l.first.came()
	}
	if len(value) < stampSize {
		l.foreign.Add(1)
		return nil
	}
	number := int64(binary.BigEndian.Uint64(value))
	switch {
	case number == unstamped:
		return nil
	case number < 0 || number >= int64(len(l.ages)):
		l.foreign.Add(1)
		return nil
	}
	if l.begin.Load() == nil {
		cpu, err := processorTime()
		if err != nil {
			return err
		}
		l.begin.CompareAndSwap(nil, &moment{at: now, cpu: cpu})
	}
	age := max(now.UnixNano()-int64(binary.BigEndian.Uint64(value[8:])), 1)
	if !l.ages[number].CompareAndSwap(0, age) {
		l.repeated.Add(1)
		return nil
	}
	if l.left.Add(-1) == 0 {
		l.upTo.at = now
		l.upTo.cpu, l.failed = processorTime()
		close(l.end)
	}
	return nil
}

func (l *latencies) result() (Result, error) {
	select {
	case <-l.end:
	default:
		return Result{}, fmt.Errorf("ended before %d of the stamped records had come", l.left.Load())
	}
	if repeated, foreign := l.repeated.Load(), l.foreign.Load(); repeated > 0 || foreign > 0 {
		return Result{}, fmt.Errorf("of the stamped records %d came twice, and %d were not the benchmark's", repeated, foreign)
	}
	begin := l.begin.Load()
	r := Result{
		Records: int64(len(l.ages)), Elapsed: l.upTo.at.Sub(begin.at), CPU: l.upTo.cpu - begin.cpu,
		Latencies: make([]time.Duration, len(l.ages)),
	}
	for i := range l.ages {
		r.Latencies[i] = time.Duration(l.ages[i].Load())
	}
	return r, l.failed
}
