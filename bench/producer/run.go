package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
	"sluice/bench/producer/load"
)

// sample is what one run of one contestant measured.
type sample struct {
	Group      string  `json:"group"`
	Contestant string  `json:"contestant"`
	Round      int     `json:"round"`
	Rate       float64 `json:"records_per_second,omitempty"`
	CPU        float64 `json:"cpu_microseconds_per_record,omitempty"`
	P50        float64 `json:"p50_milliseconds,omitempty"`
	P99        float64 `json:"p99_milliseconds,omitempty"`
	P999       float64 `json:"p99_9_milliseconds,omitempty"`
	// Acked are all records that were acknowledged, warm-up included; that
	// many are in Kafka. Read says that each was looked for there by its id.
	Acked int64 `json:"acknowledged"`
	Read  bool  `json:"every_id_found"`
	// Memory and Peak are resident bytes; Start is until the first answer.
	Memory int64   `json:"resident_bytes,omitempty"`
	Peak   int64   `json:"resident_bytes_at_most,omitempty"`
	Start  float64 `json:"start_milliseconds,omitempty"`
}

// Place is that of the run, for its report.
func (s sample) Place() report.Place {
	return report.Place{Group: s.Group, Contestant: s.Contestant, Round: s.Round}
}

func newSample(group, contestant string, round int, r load.Result) sample {
	s := sample{Group: group, Contestant: contestant, Round: round, Acked: ledger(r.Acked).total()}
	if r.Records > 0 {
		s.Rate = float64(r.Records) / r.Elapsed.Seconds()
		s.CPU = r.CPU.Seconds() * 1e6 / float64(r.Records)
	}
	if len(r.Latencies) > 1 {
		s.P50 = report.Milliseconds(report.Percentile(r.Latencies, 50))
		s.P99 = report.Milliseconds(report.Percentile(r.Latencies, 99))
		s.P999 = report.Milliseconds(report.Percentile(r.Latencies, 99.9))
	}
	return s
}

// run runs the benchmark and writes its results.
func run(ctx context.Context, o options) error {
	debug.SetGCPercent(400) // The generator shares the processors with what it measures.
	var err error
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("the program to measure (build it first, or name it with -binary): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m := report.MachineOf(ctx, o.binary)
	c, err := cluster.Open(ctx, o.brokers, func() (*cluster.Broker, error) { return startBroker(o, dir) })
	if err != nil {
		return err
	}
	defer c.Close(os.Stdout)
	m.Kafka = c.Version
	g, err := startGateways(ctx, o, c, dir, self)
	defer g.stop()
	if err != nil {
		return err
	}
	b := &bench{options: o, cluster: c, absent: map[string]string{}}
	if g.keys == nil {
		b.absent[sluiceKeys], b.absent[sluiceKeysRaw] = g.skipped, g.skipped
	}
	short := o
	short.Window /= 3
	if err := b.warmUp(ctx, contest(short, c, g, dir, self)[0]); err != nil {
		return err
	}
	if err := b.rounds(ctx, contest(o, c, g, dir, self)); err != nil {
		return err
	}
	if err := b.memory(g); err != nil {
		return err
	}
	g.stop()
	if err := b.start(ctx, dir); err != nil {
		return err
	}
	return publish(o, results{Machine: m, Options: o, Absent: b.absent, Samples: b.samples})
}

// bench collects the samples.
type bench struct {
	options
	cluster *cluster.Cluster
	samples []sample
	absent  map[string]string // contestants that could not be measured, and why
}

// wants reports whether a group was asked for.
func (b *bench) wants(group string) bool { return len(b.only) == 0 || slices.Contains(b.only, group) }

// warmUp runs every contestant of a group, and forgets what it measured: a
// Kafka that has just started gets faster for a while, and the first
// contestant would pay for it. Kafka and the acknowledgements are compared.
func (b *bench) warmUp(ctx context.Context, g group) error {
	for _, c := range g.contestants {
		if b.absent[c.name] != "" {
			continue
		}
		if _, err := b.measure(ctx, g.name, c, 0); err != nil {
			return fmt.Errorf("warm-up, %s: %w", c.name, err)
		}
	}
	return nil
}

// rounds runs every contestant of every group once a round.
func (b *bench) rounds(ctx context.Context, groups []group) error {
	for round := range b.Rounds {
		for _, g := range groups {
			if !b.wants(g.name) {
				continue
			}
			for _, c := range report.Turns(g.contestants, round) {
				if b.absent[c.name] != "" {
					continue
				}
				s, err := b.measure(ctx, g.name, c, round)
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", round+1, g.name, c.name, err)
				}
				if s != nil {
					b.add(*s)
				}
			}
		}
	}
	return nil
}

// measure runs one contestant once and compares Kafka with what it says. It
// returns nothing where the program does not have what is to be measured.
func (b *bench) measure(ctx context.Context, group string, c contestant, round int) (*sample, error) {
	topic, before, err := b.topicOf(ctx, c)
	if err != nil {
		return nil, err
	}
	probed, err := b.probe(ctx, c, topic)
	if absent, ok := errors.AsType[*absentError](err); ok {
		b.absent[c.name] = absent.Error()
		fmt.Printf("skipped: %s: %s\n", c.name, absent)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	result, err := c.run(ctx, topic)
	if err != nil {
		return nil, err
	}
	if result.Records == 0 {
		return nil, errors.New("nothing was answered in the time of the measure")
	}
	s := newSample(group, c.name, round, result)
	if !c.silent {
		all := ledger(result.Acked)
		maps.Copy(all, probed.Acked)
		s.Acked, s.Read = all.total(), round == 0
		if err := verify(ctx, b.cluster, topic, before, all, c.form.id, s.Read); err != nil {
			return nil, fmt.Errorf("what was acknowledged is not what is in Kafka: %w", err)
		}
	}
	return &s, nil
}

// topicOf returns the topic of a run and where its records begin.
func (b *bench) topicOf(ctx context.Context, c contestant) (topic string, before map[int32]int64, err error) {
	if c.silent {
		return "", nil, nil
	}
	if topic = c.topic; topic == "" {
		topic, err = b.cluster.CreateTopic(ctx, c.name)
		return topic, nil, err // All offsets begin at 0.
	}
	before, err = b.cluster.Ends(ctx, topic)
	return topic, before, err
}

// absentError says that a program does not have what is to be measured.
type absentError struct{ answer *load.StatusError }

// Error tells the status.
func (e *absentError) Error() string {
	return fmt.Sprintf("the program answers such requests with %d", e.answer.Status)
}

func (e *absentError) Unwrap() error { return e.answer }

const (
	probeSender = 9999 // no other sender's number
	probeFor    = 3 * time.Second
)

// probe sends one record until the program has heard of the run's topic, which
// was created a moment ago.
func (b *bench) probe(ctx context.Context, c contestant, topic string) (load.Result, error) {
	if c.probe == nil {
		return load.Result{}, nil
	}
	for begin := time.Now(); ; {
		result, err := load.Once(ctx, c.probe(topic), probeSender)
		status, ok := errors.AsType[*load.StatusError](err)
		switch {
		case !ok:
			return result, err
		case status.Status == http.StatusMethodNotAllowed, status.Status == http.StatusUnsupportedMediaType:
			return result, &absentError{status}
		case status.Status != http.StatusNotFound:
			return result, err
		case time.Since(begin) > probeFor:
			return result, &absentError{status}
		}
		select {
		case <-ctx.Done():
			return result, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// add keeps a sample and shows it.
func (b *bench) add(s sample) {
	b.samples = append(b.samples, s)
	fmt.Printf("%2d %-9s %-36s", s.Round+1, s.Group, s.Contestant)
	switch {
	case s.Memory > 0:
		fmt.Printf(" %d MB resident, at most %d MB\n", s.Memory>>20, s.Peak>>20)
	case s.Start > 0:
		fmt.Printf(" %.0f ms\n", s.Start)
	case s.P50 > 0:
		fmt.Printf(" %8.0f/s %6.2f µs  p50 %6.2f  p99 %6.2f  p99.9 %6.2f ms  %d records\n", s.Rate, s.CPU, s.P50, s.P99, s.P999, s.Acked)
	default:
		fmt.Printf(" %8.0f/s %6.2f µs  %d records\n", s.Rate, s.CPU, s.Acked)
	}
}
