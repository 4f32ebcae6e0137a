package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Open is load by a schedule: requests are due at fixed times, whatever became
// of those before them, and a latency counts from when its request was due. A
// gateway that stalls is not spared the requests of that time (coordinated
// omission).
type Open struct {
	Target
	Rate        int // requests a second
	Connections int // kept open; as many requests can be under way
	Warm        time.Duration
	Window      time.Duration
}

// openConn is a connection that is either free or waits for an answer.
type openConn struct {
	*conn
	due       atomic.Int64 // of the request under way, in nanoseconds of the run; idle for none
	latencies []time.Duration
}

const idle = -1

// openRun is what a run's pacer and its readers share.
type openRun struct {
	Open
	interval time.Duration
	begin    time.Time
	conns    []*openConn
	free     chan *openConn
	ending   atomic.Bool
}

// Run runs it.
func (o Open) Run(ctx context.Context) (Result, error) {
	interval := time.Second / time.Duration(o.Rate)
	o.Warm = o.Warm.Truncate(interval)
	run := &openRun{Open: o, interval: interval, free: make(chan *openConn, o.Connections)}
	defer run.close()
	for i := range o.Connections {
		c, err := dial(ctx, o.Target, i, o.Warm+o.Window+patience)
		if err != nil {
			return Result{}, err
		}
		one := &openConn{conn: c}
		one.due.Store(idle)
		run.conns = append(run.conns, one)
		run.free <- one
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run.begin = time.Now()
	var readers sync.WaitGroup
	for _, c := range run.conns {
		readers.Go(func() {
			if err := run.read(c); err != nil {
				cancel(fmt.Errorf("connection %d: %w", c.sender, err))
			}
		})
	}
	result, err := run.pace(ctx)
	run.close()
	readers.Wait()
	if err != nil {
		return Result{}, err
	}
	result.Acked = map[int]int64{}
	for _, c := range run.conns {
		result.Acked[c.sender] = c.acked
		result.Latencies = append(result.Latencies, c.latencies...)
	}
	slices.Sort(result.Latencies)
	result.Requests = int64(len(result.Latencies))
	result.Records = result.Requests * o.Request.Records()
	return result, nil
}

// close ends the readers, which must be idle.
func (r *openRun) close() {
	r.ending.Store(true)
	for _, c := range r.conns {
		_ = c.Close() // Twice is once.
	}
}

// pace sends each request when it is due, on any free connection, and returns
// when all were answered. It sleeps in the kernel: the timers of Go are up to
// a millisecond late when nothing else happens.
func (r *openRun) pace(ctx context.Context) (Result, error) {
	warm := int(r.Warm / r.interval)
	total := warm + int(r.Window/r.interval)
	var before time.Duration
	var err error
	for i := range total {
		if i == warm {
			if before, err = r.Meter(); err != nil {
				return Result{}, err
			}
		}
		due := time.Duration(i) * r.interval
		sleep(due - time.Since(r.begin))
		select {
		case c := <-r.free:
			c.due.Store(int64(due))
			if err := c.send(); err != nil {
				return Result{}, err
			}
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
	for range r.conns {
		select {
		case <-r.free:
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
	after, err := r.Meter()
	return Result{Elapsed: time.Since(r.begin) - r.Warm, CPU: after - before}, err
}

// read takes the answers off a connection until the end of the run.
func (r *openRun) read(c *openConn) error {
	for {
		if err := c.receive(); err != nil {
			if r.ending.Load() {
				return nil
			}
			return err
		}
		due := time.Duration(c.due.Swap(idle))
		if due == idle {
			return errors.New("an answer to no request")
		}
		if due >= r.Warm {
			c.latencies = append(c.latencies, time.Since(r.begin)-due)
		}
		r.free <- c
	}
}
