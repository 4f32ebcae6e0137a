package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/bench/internal/report"
)

// sample is what one run of one contestant measured.
type sample struct {
	Group      string `json:"group"`
	Contestant string `json:"contestant"`
	Round      int    `json:"round"`
	// Records is how many were measured, in Seconds.
	Records int64   `json:"records,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Rate    float64 `json:"records_per_second,omitempty"`
	CPU     float64 `json:"cpu_microseconds_per_record,omitempty"`
	// OfIdeal is the time that the work takes at least, divided by Seconds.
	OfIdeal float64 `json:"of_ideal,omitempty"`
	P50     float64 `json:"p50_milliseconds,omitempty"`
	P99     float64 `json:"p99_milliseconds,omitempty"`
	P999    float64 `json:"p99_9_milliseconds,omitempty"`
	// First is from the start of the process to its first record.
	First float64 `json:"first_record_after_milliseconds"`
	// Peak is the resident memory at its highest, in bytes, and Memory what it
	// was every tenth of a second of a stall.
	Peak   int64   `json:"resident_bytes_at_most"`
	Memory []int64 `json:"resident_bytes,omitempty"`
	// Handled are the records that were handled behind those that stalled.
	Handled int64 `json:"handled_behind_the_stalled,omitempty"`
}

// Place is that of the run, for its report.
func (s sample) Place() report.Place {
	return report.Place{Group: s.Group, Contestant: s.Contestant, Round: s.Round}
}

// bench collects the samples.
type bench struct {
	options
	cluster *cluster.Cluster
	dir     string
	self    string
	out     io.Writer // where progress is shown
	// patience is how long a member may take to leave its group when its run
	// was ended, before it is killed.
	patience time.Duration
	samples  []sample
	// The topics that are filled once.
	nothingTopic, workTopic, stallTopic string
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
	m := report.MachineOfCheckout(ctx)
	c, err := cluster.Open(ctx, o.brokers, func() (*cluster.Broker, error) { return cluster.Launch(dir, self) })
	if err != nil {
		return err
	}
	defer c.Close(out)
	m.Kafka = c.Version
	b := &bench{options: o, cluster: c, dir: dir, self: self, out: out, patience: 5 * time.Second}
	if err := b.fillTopics(ctx); err != nil {
		return err
	}
	groups := b.contest()
	if err := b.warmUp(ctx, groups); err != nil {
		return err
	}
	if err := b.rounds(ctx, groups); err != nil {
		return err
	}
	return publish(o, results{Machine: m, Options: o, Samples: b.samples}, out)
}

// say shows how far the benchmark is. A reader that has gone ends it by a
// signal, so there is nothing to do about it here.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }

// wants reports whether a group was asked for.
func (b *bench) wants(group string) bool { return len(b.only) == 0 || slices.Contains(b.only, group) }

// fillTopics writes the records that are read in every round.
func (b *bench) fillTopics(ctx context.Context) error {
	for _, t := range []struct {
		topic   *string
		group   string
		records int64
		keys    int
	}{
		{&b.nothingTopic, groupNothing, b.nothingRecords(), flightKeys},
		{&b.workTopic, groupWork, b.workRecords(), workKeys},
		{&b.stallTopic, groupStall, b.Behind, flightKeys},
	} {
		if !b.wants(t.group) {
			continue
		}
		begin := time.Now()
		var err error
		if *t.topic, err = b.cluster.CreateTopic(ctx, t.group); err != nil {
			return err
		}
		if err := fill(ctx, b.cluster, *t.topic, t.records, t.keys); err != nil {
			return err
		}
		say(b.out, "%d records for %q written in %s\n", t.records, t.group, time.Since(begin).Round(time.Millisecond))
	}
	return nil
}

// warmUp runs the first two contestants once and forgets what they measured: a
// Kafka that has just started gets faster for a while, and whoever comes first
// would pay for it.
func (b *bench) warmUp(ctx context.Context, groups []group) error {
	for _, g := range groups {
		if !b.wants(g.name) {
			continue
		}
		for _, c := range g.contestants[:min(2, len(g.contestants))] {
			if _, err := b.measure(ctx, g, c); err != nil {
				return fmt.Errorf("warm-up, %s, %s: %w", g.name, c.name, err)
			}
		}
		return nil
	}
	return nil
}

// rounds runs every contestant of every group once a round.
func (b *bench) rounds(ctx context.Context, groups []group) error {
	for round := range b.Rounds {
		for _, g := range groups {
			if !b.wants(g.name) || g.once && round > 0 {
				continue
			}
			for _, c := range report.Turns(g.contestants, round) {
				s, err := b.measure(ctx, g, c)
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", round+1, g.name, c.name, err)
				}
				s.Group, s.Contestant, s.Round = g.name, c.name, round
				b.samples = append(b.samples, s)
				say(b.out, "%s\n", s.line())
			}
		}
	}
	return nil
}

// errTooLong ends a run that will not end by itself.
var errTooLong = errors.New("it was not done in the time that any run has")

// measure runs one contestant once.
func (b *bench) measure(ctx context.Context, g group, c contestant) (sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute+20*b.Window, errTooLong)
	defer cancel()
	s, err := g.run(ctx, c)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return s, err
}

// running is a member that has begun.
type running struct {
	*process.Process
	group string
	began time.Time
	// release gives up the end that the end of the run's context means.
	release  func() bool
	patience time.Duration
}

// begin starts a contestant on a topic, in a group that is new.
func (b *bench) begin(ctx context.Context, c contestant, topic string) (*running, error) {
	spec := c.spec
	spec.Brokers, spec.Topic, spec.Group = b.cluster.Brokers, topic, b.cluster.NewGroup()
	r := &running{group: spec.Group, began: time.Now(), patience: b.patience}
	var err error
	if r.Process, err = process.LaunchRole(b.dir, c.name, b.self, roleMember, spec); err != nil {
		return nil, err
	}
	r.release = context.AfterFunc(ctx, r.cutOff)
	return r, nil
}

// first waits for the first record, and returns when it came.
func (r *running) first() (time.Duration, error) {
	var e member.Event
	if err := r.Read(&e); err != nil {
		return 0, err
	}
	if !e.First {
		return 0, r.Explain(errors.New("it was done before it began"))
	}
	return time.Since(r.began), nil
}

// result waits for what the member has measured, and for its end.
func (r *running) result() (member.Result, error) {
	var e member.Event
	if err := r.Read(&e); err != nil {
		return member.Result{}, err
	}
	if e.Result == nil {
		return member.Result{}, r.Explain(errors.New("it has told nothing"))
	}
	return *e.Result, r.Wait()
}

// cutOff ends a member in the middle. It gets a moment to leave its group,
// which cannot be deleted before.
func (r *running) cutOff() {
	r.Signal(syscall.SIGTERM)
	time.AfterFunc(r.patience, func() { r.Signal(syscall.SIGKILL) }) // Does nothing where it has ended.
}

// close ends a member that is still running, after a failure.
func (r *running) close() {
	r.release()
	if r.Cmd.ProcessState == nil {
		r.cutOff()
		_ = r.Cmd.Wait() // It was told to end.
	}
}
