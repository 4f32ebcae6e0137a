package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Closed is load by senders that each wait for an answer before they send
// again: how much a gateway can do, and for how much processor time.
type Closed struct {
	Target
	Senders int
	Warm    time.Duration // answered, but not measured
	Window  time.Duration
	// Requests, where set, ends the window as soon as so many were answered.
	Requests int64
}

// The phases of a run.
const (
	warming int32 = iota
	measuring
	over
)

// closedRun is what the senders of one run share.
type closedRun struct {
	Closed
	phase    atomic.Int32
	answered atomic.Int64  // in the window
	enough   chan struct{} // closed when Requests were answered
}

// Run runs it.
func (c Closed) Run(ctx context.Context) (Result, error) {
	run := &closedRun{Closed: c, enough: make(chan struct{})}
	conns := make([]*conn, c.Senders)
	defer func() {
		for _, one := range conns {
			if one != nil {
				_ = one.Close() // All that matters was read.
			}
		}
	}()
	for i := range conns {
		var err error
		if conns[i], err = dial(ctx, c.Target, i, c.Warm+c.Window+patience); err != nil {
			return Result{}, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	latencies := make([][]time.Duration, c.Senders)
	var senders sync.WaitGroup
	for i, one := range conns {
		senders.Go(func() {
			var err error
			if latencies[i], err = run.send(one); err != nil {
				cancel(fmt.Errorf("sender %d: %w", i, err))
			}
		})
	}
	result, err := run.measure(ctx)
	run.phase.Store(over)
	senders.Wait() // Each has its last answer, or failed.
	if cause := context.Cause(ctx); cause != nil {
		return Result{}, cause
	}
	if err != nil {
		return Result{}, err
	}
	result.Acked = map[int]int64{}
	for i, one := range conns {
		result.Acked[i] = one.acked
	}
	result.Latencies = slices.Concat(latencies...)
	slices.Sort(result.Latencies)
	return result, nil
}

// measure opens and closes the window.
func (r *closedRun) measure(ctx context.Context) (Result, error) {
	if err := wait(ctx, r.Warm, nil); err != nil {
		return Result{}, err
	}
	before, err := r.Meter()
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	r.phase.Store(measuring)
	err = wait(ctx, r.Window, r.enough)
	r.phase.Store(over)
	elapsed := time.Since(begin)
	if err != nil {
		return Result{}, err
	}
	after, err := r.Meter()
	n := r.answered.Load()
	return Result{Requests: n, Records: n * r.Request.Records(), Elapsed: elapsed, CPU: after - before}, err
}

// send sends on one connection until the window has closed.
func (r *closedRun) send(c *conn) ([]time.Duration, error) {
	latencies := make([]time.Duration, 0, 1<<12)
	for {
		begin := time.Now()
		if err := c.send(); err != nil {
			return nil, err
		}
		if err := c.receive(); err != nil {
			return nil, err
		}
		switch r.phase.Load() {
		case measuring:
			latencies = append(latencies, time.Since(begin))
			if r.answered.Add(1) == r.Requests {
				close(r.enough)
			}
		case over:
			return latencies, nil
		}
	}
}

// wait waits for a time, or less when early is closed.
func wait(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-early:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
