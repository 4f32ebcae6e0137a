//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/consumer"
	"sluice/internal/units"
	"sluice/record"
	"sluice/test/harm"
)

// replicaOptions are what the checker tells a replica.
type replicaOptions struct {
	brokers, listen, topics, idle string
	ring                          int64
}

// runReplica is a replica: service B as a program of a user's has it. Its one
// handler reads a topic of its own, in which there is nothing.
func runReplica(ctx context.Context, o replicaOptions, logTo io.Writer, started func()) error {
	cfg := sluice.DefaultConfig()
	cfg.Kafka.Brokers = []string{o.brokers}
	cfg.Consumer.Listen = []string{o.listen}
	cfg.Consumer.Stream.Topics = strings.Split(o.topics, ",")
	cfg.Consumer.Stream.Ring = units.Bytes(o.ring)
	program := sluice.New(cfg, sluice.Options{
		Consumer: true, Stdout: io.Discard,
		Log:     slog.New(slog.NewTextHandler(logTo, nil)),
		Started: func(sluice.Addresses) { started() },
	})
	handler := consumer.DefaultConfig()
	handler.Name, handler.Topics, handler.Group = "idle", []string{o.idle}, o.idle
	program.Handle(handler, consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }))
	return program.Run(ctx)
}

// fleet are the replicas: a process for each, and after it the next one on the
// same address.
type fleet struct {
	binary, dir string
	options     replicaOptions
	addresses   []string

	mu     sync.Mutex
	now    []*harm.Process
	all    []*harm.Process
	starts int
}

// newFleet chooses an address for each replica.
func newFleet(binary, dir string, count int, options replicaOptions) (*fleet, error) {
	f := &fleet{binary: binary, dir: dir, options: options, now: make([]*harm.Process, count)}
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // Free for the replica; all at once, so that they differ.
		f.addresses = append(f.addresses, l.Addr().String())
	}
	return f, nil
}

// start starts a replica, which does not run, and returns when it listens.
func (f *fleet) start(i int) error {
	f.mu.Lock()
	f.starts++
	name := fmt.Sprintf("replica-%d.%d", i+1, f.starts)
	f.mu.Unlock()
	p, err := harm.Start(name, filepath.Join(f.dir, name+".log"), f.binary, replicaRole,
		"-brokers", f.options.brokers, "-listen", f.addresses[i], "-topics", f.options.topics,
		"-idle", f.options.idle, "-ring", strconv.FormatInt(f.options.ring, 10))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	f.mu.Lock()
	f.now[i] = p
	f.all = append(f.all, p)
	f.mu.Unlock()
	select {
	case <-p.Up():
		return nil
	case <-p.Exited():
		return fmt.Errorf("%s has ended at once: see %s.log", name, filepath.Join(f.dir, name))
	case <-time.After(startBudget):
		return fmt.Errorf("%s does not listen after %s", name, startBudget)
	}
}

func (f *fleet) of(i int) *harm.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now[i]
}

// end ends all replicas, cleanly or not.
func (f *fleet) end(how func(*harm.Process)) {
	f.mu.Lock()
	all := append([]*harm.Process(nil), f.all...)
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			if p.Running() {
				how(p)
			}
		})
	}
	wg.Wait()
}

// complaints are what was not clean about the ends. All have ended.
func (f *fleet) complaints() (all []string) {
	for _, p := range f.all {
		if why := p.Complaint(); why != "" {
			all = append(all, why+", see "+p.Name+".log")
		}
	}
	return all
}

// readsMetric counts the reads from Kafka for what is older than the ring.
const readsMetric = "sluice_stream_catch_up_reads_total"

// reads asks a replica for them.
func (f *fleet) reads(ctx context.Context, i int) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.addresses[i]+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }() // It was read from.
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(l), " "); name == readsMetric {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.New("there is no metric " + readsMetric)
}
