// Package reader are the clients of the benchmark: a process that reads many
// streams of Server-Sent Events with few threads, counts what comes and when,
// and checks that nothing is missing. It gets what it has to do as JSON, reads
// commands as JSON lines on standard input, and tells on standard output, as
// JSON lines, what became of them.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Spec is what is read.
type Spec struct {
	// Address is an IPv4 address and a port, and Path that of the stream.
	Address string `json:"address"`
	Path    string `json:"path"`
	// Clients is how many read it at once.
	Clients int `json:"clients"`
}

// checkedEvery is which clients look into their records, for the number and the
// age of each. All others count theirs.
const checkedEvery = 8

// Command asks for an Event when every client has so many records, counted from
// its beginning.
type Command struct {
	Messages int64 `json:"messages"`
}

// Event is that all clients are connected, or have the records that a Command
// has asked for.
type Event struct {
	Ready bool `json:"ready,omitempty"`
	// At is when the last record was read, in nanoseconds since 1970.
	At int64 `json:"at,omitempty"`
	// Deliveries and Bytes are those of all clients since the last event, heads
	// and frames included.
	Deliveries int64 `json:"deliveries,omitempty"`
	Bytes      int64 `json:"bytes,omitempty"`
	// The latencies are those of the stamped records of the clients that look
	// into them, since the last event.
	P50  time.Duration `json:"p50_nanoseconds,omitempty"`
	P99  time.Duration `json:"p99_nanoseconds,omitempty"`
	P999 time.Duration `json:"p99_9_nanoseconds,omitempty"`
}

// look is how often it is seen whether all is there. When the last record came
// is known exactly.
const look = 2 * time.Millisecond

// readers are the clients.
type readers struct {
	spec  Spec
	loops []*loop
	told  Event // sums of what was told
}

// Run connects, and then obeys the commands of in until it ends, or ctx does. A
// stream that ends, that says there is a gap, that leaves a record out or gives
// it twice is an error.
func Run(ctx context.Context, spec Spec, in io.Reader, out io.Writer) error {
	address, err := netip.ParseAddrPort(spec.Address)
	if err != nil || !address.Addr().Is4() || spec.Clients < 1 {
		return fmt.Errorf("%q is not the IPv4 address and port of a stream with one client or more", spec.Address)
	}
	r := &readers{spec: spec}
	for range runtime.NumCPU() { // With fewer the readers would be what is measured.
		l, err := newLoop()
		if err != nil {
			return err
		}
		defer l.close()
		r.loops = append(r.loops, l)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel(nil)
	for _, l := range r.loops {
		work.Go(func() {
			if err := l.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	for i := range spec.Clients {
		fd, err := dial(address, spec.Path)
		if err != nil {
			return err
		}
		if err := r.loops[i%len(r.loops)].add(fd, i%checkedEvery == 0); err != nil {
			return err
		}
	}
	return r.obey(ctx, json.NewDecoder(in), json.NewEncoder(out))
}

// obey tells when all are connected, and answers the commands.
func (r *readers) obey(ctx context.Context, in *json.Decoder, out *json.Encoder) error {
	if err := r.wait(ctx, func() bool { return r.ready() == int64(r.spec.Clients) }); err != nil {
		return err
	}
	if err := out.Encode(Event{Ready: true}); err != nil {
		return fmt.Errorf("tell that all are connected: %w", err)
	}
	for {
		var c Command
		err := in.Decode(&c)
		switch {
		case errors.Is(err, io.EOF):
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("a command: %w", err)
		}
		if err := r.wait(ctx, func() bool { return r.messages() >= c.Messages*int64(r.spec.Clients) }); err != nil {
			return err
		}
		e, err := r.sum(c.Messages)
		if err != nil {
			return err
		}
		if err := out.Encode(e); err != nil {
			return fmt.Errorf("tell what came: %w", err)
		}
	}
}

// wait looks until it is done.
func (r *readers) wait(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

func (r *readers) ready() (n int64) {
	for _, l := range r.loops {
		n += l.ready.Load()
	}
	return n
}

func (r *readers) messages() (n int64) {
	for _, l := range r.loops {
		n += l.messages.Load()
	}
	return n
}

// sum verifies that every client has so many records, and begins anew.
func (r *readers) sum(messages int64) (Event, error) {
	var e Event
	all := &histogram{}
	var deliveries, bytes int64
	for _, l := range r.loops {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.clients {
			if err := c.verify(messages); err != nil {
				return e, err
			}
			deliveries += c.messages
		}
		bytes += l.bytes
		e.At = max(e.At, l.last.Load())
		all.merge(&l.ages)
		l.ages = histogram{}
	}
	e.Deliveries, e.Bytes = deliveries-r.told.Deliveries, bytes-r.told.Bytes
	r.told.Deliveries, r.told.Bytes = deliveries, bytes
	e.P50, e.P99, e.P999 = all.percentile(50), all.percentile(99), all.percentile(99.9)
	return e, nil
}
