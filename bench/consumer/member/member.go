// Package member are the programs that are compared: a member of a consumer
// group that is Sluice's, and one that is a bare franz-go poll loop. Each runs
// as a process of its own, gets what it has to do as JSON, and tells on
// standard output, as JSON lines, what became of it.
package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"sluice/bench/internal/process"
	"sluice/consumer"
)

// Task is what a member does with its records.
type Task string

const (
	// Count handles every record of the topic once and measures how long it
	// takes, from Spec.Warm on.
	Count Task = "count"
	// Latency measures how old stamped records are when they are handled.
	Latency Task = "latency"
	// Stall handles nothing: every call waits until the member is told to end.
	Stall Task = "stall"
	// StallFirst waits in the first record of each partition, and handles all
	// others at once.
	StallFirst Task = "stall-first"
)

// Spec is what a member has to do.
type Spec struct {
	// Bare is the franz-go poll loop; else it is Sluice's group.
	Bare    bool     `json:"bare,omitempty"`
	Brokers []string `json:"brokers"`
	Topic   string   `json:"topic"`
	Group   string   `json:"group"`
	Task    Task     `json:"task"`
	// Order and Concurrency are those of consumer.Config; the bare loop knows
	// neither.
	Order       consumer.Order `json:"order,omitempty"`
	Concurrency int            `json:"concurrency,omitempty"`
	// Ends are the offsets after the last records of the topic, for Count;
	// every partition begins at 0.
	Ends map[int32]int64 `json:"ends,omitempty"`
	// Warm is how many records of one partition are handled before Count
	// begins to measure.
	Warm int64 `json:"warm,omitempty"`
	// Work is how long Count waits in each record.
	Work time.Duration `json:"work_nanoseconds,omitempty"`
	// Partitions is how many the topic has, for Latency.
	Partitions int `json:"partitions,omitempty"`
	// Stamped is how many records Latency waits for.
	Stamped int64 `json:"stamped,omitempty"`
}

// Event is a line that a member writes: that its first record has come (with
// Latency, the first of every partition), or what it did.
type Event struct {
	First  bool    `json:"first,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// Result is what a member measured.
type Result struct {
	// Records were handled in the time of the measure, which took Elapsed of
	// the clock and CPU of the processors, in the system too.
	Records int64         `json:"records"`
	Elapsed time.Duration `json:"elapsed_nanoseconds"`
	CPU     time.Duration `json:"cpu_nanoseconds"`
	// Peak is the resident memory of the process at its highest, in bytes.
	Peak int64 `json:"peak_bytes"`
	// Latencies are those of the stamped records, in their order.
	Latencies []time.Duration `json:"latencies_nanoseconds,omitempty"`
	// Handled are the records that a stalled member has handled all the same.
	Handled int64 `json:"handled,omitempty"`
}

// task is what is done with the records of both kinds of member. take is
// called from many goroutines; done is closed when there is nothing more to
// do, and is never for a task that only waits.
type task interface {
	take(ctx context.Context, partition int32, offset int64, value []byte) error
	done() <-chan struct{}
	result() (Result, error)
}

// Run does what spec says until it is done. A member that stalls ends with
// ctx; any other that ends before it is done returns an error. Events go to
// out, what else there is to say to log.
func Run(ctx context.Context, spec Spec, out io.Writer, log io.Writer) error {
	lines := json.NewEncoder(out)
	first := newFirst(func() { _ = lines.Encode(Event{First: true}) }) // A reader that has gone gets no result either.
	t, err := newTask(ctx, spec, first)
	if err != nil {
		return err
	}
	consume := group
	if spec.Bare {
		consume = bare
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- consume(running, spec, t, slog.New(slog.NewTextHandler(log, nil))) }()
	select {
	case <-t.done():
		stop()
		err = <-ended
	case <-ctx.Done():
		err = <-ended
	case err = <-ended:
		if err == nil {
			err = errors.New("ended before it was told to")
		}
	}
	if err != nil {
		return fmt.Errorf("consume %s: %w", spec.Topic, err)
	}
	result, err := t.result()
	if err != nil {
		return fmt.Errorf("consume %s: %w", spec.Topic, err)
	}
	if _, result.Peak, err = process.Memory(os.Getpid()); err != nil {
		return err
	}
	return lines.Encode(Event{Result: &result})
}

func newTask(ctx context.Context, spec Spec, f *first) (task, error) {
	switch spec.Task {
	case Count:
		return newTally(spec, f)
	case Latency:
		return newLatencies(spec.Stamped, spec.Partitions, f)
	case Stall, StallFirst:
		return &stall{first: f, only: spec.Task == StallFirst, release: ctx.Done()}, nil
	}
	return nil, fmt.Errorf("%q is not a task", spec.Task)
}
