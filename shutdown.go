package sluice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/httpserver"
)

// phase is one row of the table of ARCHITECTURE.md: what is stopped, and how
// long that may take. The rows together stay below fifteen seconds.
type phase struct {
	name   string
	budget time.Duration
	run    func(ctx context.Context) error
}

// lastWords is what is left of a phase when requests that still wait are told
// what is known of their records.
const lastWords = 1500 * time.Millisecond

// phases are the rows, in order. Each runs also when an earlier one failed.
func (p *Program) phases() []phase {
	return []phase{
		{"not ready", p.opts.Linger + time.Second, p.notReady},
		{"stop polling, end uploads without an end", time.Second, p.stopPolling},
		{"finish requests and records", 9 * time.Second, p.finish},
		{"flush", 2 * time.Second, p.flush},
		{"commit and leave", time.Second, p.leave},
		{"flush telemetry", time.Second, p.flushTelemetry},
	}
}

// shutdown runs the phases, and ends what is left.
func (p *Program) shutdown() error {
	var errs []error
	for _, ph := range p.phases() {
		ctx, cancel := context.WithTimeout(context.Background(), ph.budget)
		start := time.Now()
		if err := ph.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop, %s: %w", ph.name, err))
		}
		cancel()
		p.log.Debug("stop phase has ended", slog.String("phase", ph.name), slog.Duration("took", time.Since(start)))
	}
	p.stop()
	if p.consumer != nil {
		p.consumer.close()
	}
	// Health is served to the last.
	if p.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = p.admin.Shutdown(ctx) // A scraper that is cut off comes again.
		cancel()
	}
	p.running.Wait()
	if p.broker != nil {
		errs = append(errs, p.broker.Close())
	}
	return errors.Join(errs...)
}

// notReady tells proxies and orchestrators to send nothing more, and goes on
// serving until they have noticed.
func (p *Program) notReady(ctx context.Context) error {
	for _, h := range p.healths {
		h.Drain()
	}
	for _, s := range p.servers() {
		s.Drain()
	}
	if p.opts.Linger == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(p.opts.Linger):
	}
	return nil
}

func (p *Program) stopPolling(context.Context) error {
	if p.producer != nil {
		p.producer.writer.EndStreams()
	}
	if p.consumer != nil {
		for _, g := range p.consumer.groups {
			g.StopPolling()
		}
	}
	return nil
}

// finish stops accepting, and waits for the requests and records in work.
// Shortly before the time is up, requests that still wait for Kafka are told
// what is known, so that none is cut off without an answer.
func (p *Program) finish(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	if p.producer != nil {
		cut := time.AfterFunc(time.Until(deadline)-lastWords, p.producer.writer.Cut)
		defer cut.Stop()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	run := func(f func(context.Context) error) {
		wg.Go(func() {
			err := f(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	for _, s := range p.servers() {
		run(s.Shutdown)
	}
	if p.consumer != nil {
		for _, g := range p.consumer.groups {
			run(g.Drain)
		}
		run(p.consumer.redrive.Close)
		run(p.consumer.streams.Drain)
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *Program) flush(ctx context.Context) error {
	if p.producer == nil {
		return nil
	}
	p.producer.writer.Close(ctx)
	return nil
}

func (p *Program) leave(ctx context.Context) error {
	if p.consumer == nil {
		return nil
	}
	var wg sync.WaitGroup
	for _, g := range p.consumer.groups {
		wg.Go(func() { g.Leave(ctx) })
	}
	wg.Wait()
	for _, h := range p.consumer.hooks {
		h.Close()
	}
	return nil
}

func (p *Program) flushTelemetry(ctx context.Context) error {
	if err := p.tracing.Shutdown(ctx); err != nil {
		p.log.WarnContext(ctx, "the last traces are lost", slog.Any("error", err))
	}
	return nil // A collector that is away is no failure of the program.
}

// servers are the services' HTTP surfaces.
func (p *Program) servers() []*httpserver.Server {
	var all []*httpserver.Server
	if p.producer != nil {
		all = append(all, p.producer.server)
	}
	if p.consumer != nil && p.consumer.server != nil {
		all = append(all, p.consumer.server)
	}
	return all
}
