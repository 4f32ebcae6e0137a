package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
)

// sample is what one run of one contestant measured.
type sample struct {
	Group      string `json:"group"`
	Contestant string `json:"contestant"`
	Round      int    `json:"round"`
	Clients    int    `json:"clients"`
	// Deliveries are records times clients, in Seconds.
	Deliveries int64   `json:"deliveries,omitempty"`
	Seconds    float64 `json:"seconds,omitempty"`
	Rate       float64 `json:"deliveries_per_second,omitempty"`
	// CPU is the processor time of the server for a million deliveries, and
	// Readers that of the clients, who share the machine with it.
	CPU     float64 `json:"cpu_seconds_per_million,omitempty"`
	Readers float64 `json:"readers_cpu_seconds_per_million,omitempty"`
	// Bytes is what a delivery takes on the wire, frames and ids included.
	Bytes float64 `json:"bytes_per_delivery,omitempty"`
	// Offered is how many deliveries a second were asked for.
	Offered float64 `json:"offered_per_second,omitempty"`
	P50     float64 `json:"p50_milliseconds,omitempty"`
	P99     float64 `json:"p99_milliseconds,omitempty"`
	P999    float64 `json:"p99_9_milliseconds,omitempty"`
	// Before is the resident memory of a server with one client, After that at
	// the end of a run, and Most the highest that was seen, in bytes.
	Before int64 `json:"resident_bytes_before,omitempty"`
	After  int64 `json:"resident_bytes_after,omitempty"`
	Most   int64 `json:"resident_bytes_at_most,omitempty"`
}

// Place is that of the run, for its report.
func (s sample) Place() report.Place {
	return report.Place{Group: s.Group, Contestant: s.Contestant, Round: s.Round}
}

// perClient is the resident memory of an idle client, in KiB.
func (s sample) perClient() float64 { return s.each(s.After) }

// mostPerClient is that at its highest.
func (s sample) mostPerClient() float64 { return s.each(s.Most) }

func (s sample) each(bytes int64) float64 {
	if s.Clients == 0 {
		return 0
	}
	return float64(bytes-s.Before) / float64(s.Clients) / 1024
}

// bench collects the samples.
type bench struct {
	options
	cluster *cluster.Cluster
	dir     string
	self    string
	out     io.Writer // where progress is shown
	round   int
	samples []sample
}

// run runs the benchmark and writes its results.
func run(ctx context.Context, o options, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.profile != "" {
		if err := os.MkdirAll(o.profile, 0o755); err != nil {
			return err
		}
	}
	m := report.MachineOfCheckout(ctx)
	c, err := cluster.Open(ctx, o.brokers, func() (*cluster.Broker, error) { return cluster.Launch(dir, self) })
	if err != nil {
		return err
	}
	defer c.Close(out)
	m.Kafka = c.Version
	b := &bench{options: o, cluster: c, dir: dir, self: self, out: out}
	if err := b.rounds(ctx, b.contest()); err != nil {
		return err
	}
	return publish(o, results{Machine: m, Options: o, Samples: b.samples}, out)
}

// say shows how far the benchmark is. A reader that has gone ends it by a
// signal, so there is nothing to do about it here.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }

// wants reports whether a group was asked for.
func (b *bench) wants(g group) bool { return len(b.only) == 0 || slices.Contains(b.only, g.only) }

// rounds runs every contestant of every group once a round.
func (b *bench) rounds(ctx context.Context, groups []group) error {
	for b.round = range b.Rounds {
		for _, g := range groups {
			if !b.wants(g) {
				continue
			}
			for _, c := range report.Turns(g.contestants, b.round) {
				s, err := b.measure(ctx, g, c)
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", b.round+1, g.name, c.name, err)
				}
				s.Group, s.Contestant, s.Round = g.name, c.name, b.round
				b.samples = append(b.samples, s)
				say(b.out, "%s\n", s.line())
			}
		}
	}
	return nil
}

// most returns the deliveries a second of a contestant in this round.
func (b *bench) most(group, contestant string) (float64, error) {
	for _, s := range b.samples {
		if s.Group == group && s.Contestant == contestant && s.Round == b.round {
			return s.Rate, nil
		}
	}
	return 0, fmt.Errorf("the deliveries of %s in this round are not known", contestant)
}

// errTooLong ends a run that will not end by itself.
var errTooLong = errors.New("it was not done in the time that any run has")

// measure runs one contestant once.
func (b *bench) measure(ctx context.Context, g group, c contestant) (sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute+20*b.Window, errTooLong)
	defer cancel()
	s, err := g.run(ctx, g, c)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return s, err
}

// line shows a sample while the benchmark is running.
func (s sample) line() string {
	text := fmt.Sprintf("%2d %-18s %-32s", s.Round+1, s.Group, s.Contestant)
	switch {
	case s.Group == groupIdle:
		text += fmt.Sprintf(" %6.1f KiB a client, at most %.1f; %d MB with one client, %d MB with %d",
			s.perClient(), s.mostPerClient(), s.Before>>20, s.After>>20, s.Clients)
	case s.P50 > 0:
		text += fmt.Sprintf(" %8.0f/s of %8.0f/s  p50 %6.2f  p99 %6.2f  p99.9 %6.2f ms  %6.3f s/million, readers %6.3f", s.Rate, s.Offered, s.P50, s.P99, s.P999, s.CPU, s.Readers)
	default:
		text += fmt.Sprintf(" %8.0f/s %6.3f s/million, readers %6.3f  %4.0f B each  %6.2f s  %d MB", s.Rate, s.CPU, s.Readers, s.Bytes, s.Seconds, s.After>>20)
	}
	return text
}
