package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// report is everything that is published.
type report struct {
	Machine machine   `json:"machine"`
	Options options   `json:"options"`
	Targets []verdict `json:"targets"`
	Samples []sample  `json:"runs"`
}

// publish judges the samples and writes what was asked for.
func publish(o options, r report, out io.Writer) error {
	for _, t := range targets {
		r.Targets = append(r.Targets, t.judge(r.Samples))
	}
	text := r.markdown()
	say(out, "\n%s", text)
	if o.json != "" {
		asJSON, err := json.Marshal(r)
		if err != nil {
			return err
		}
		// A run a line.
		asJSON = []byte(strings.ReplaceAll(string(asJSON), "},{", "},\n{"))
		if err := os.WriteFile(o.json, append(asJSON, '\n'), 0o644); err != nil {
			return err
		}
		text += fmt.Sprintf("\nEvery run is in [%[1]s](%[1]s).\n", filepath.Base(o.json))
	}
	if o.md == "" {
		return nil
	}
	return os.WriteFile(o.md, []byte(text), 0o644)
}

func (r report) markdown() string {
	var b strings.Builder
	m, o := r.Machine, r.Options
	fmt.Fprintf(&b, `# Benchmarks of the processing plane

Written by `+"`go run ./bench/consumer`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
| date | %s |
| machine | %s, %d processors: %s; load average before: %s |
| Go, franz-go | %s, %s |
| Sluice | %s |
| Kafka | %s |
| runs | %d rounds, taking turns; median [least–most]; stalls once, for %s |
| records | does nothing: %d; waits: %d; latency: %d; stalls: %d |

The member and Kafka share the machine; a round runs one member at a time, each as a process of its own in a group of its own, alone in it. Every value has %d bytes, every topic %d partitions, nothing is compressed. What is read again in each round was written once, with keys of 8 bytes, in batches of up to %d KiB. Each run has counted its records, and ends the benchmark with an error unless every one was handled exactly once and, at the end, the group had committed all of them (except for stalls, which end in the middle).

- `+"`%s`"+`: the poll loop that one writes with franz-go alone, in a group, with the fetch sizes, the isolation level (read committed) and the balancer of Sluice's client, and the client's own commit every second. It handles a record where it was polled, one after the other; without queues, retries, states or metrics.
- `+"`%s`"+`: a program with a handler of its own: `+"`consumer.New`"+` with its defaults (order partition, concurrency %d) and its metrics registered, and `+"`on_failure: stop`"+`.
- Both have Go's default garbage collector settings. Processor time is that of the member's process alone, taken by itself around the measured records.

## Targets

A ratio is taken within each round, and the table has its median [least–most]. A target that is missed is published like one that is met.

| what | target | measured | met |
| --- | --- | --- | --- |
`, m.Date, m.Platform, m.Cores, m.CPU, m.Load, m.Go, m.Client, m.Sluice, m.Kafka,
		o.Rounds, o.stallTime(), o.nothingRecords(), o.workRecords(), o.latencyRecords(), o.Behind,
		valueSize, partitions, batchBytes>>10, bare, byPartition, concurrency)
	for _, v := range r.Targets {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", v.What, orDash(v.Target), v.measured(), v.verdict())
	}
	for _, t := range tables {
		t.write(&b, r.Samples)
	}
	return b.String()
}

func (v verdict) measured() string {
	if v.Measured == nil {
		return "not measured"
	}
	return show(*v.Measured, 3)
}

func (v verdict) verdict() string {
	switch {
	case v.Met == nil:
		return "–"
	case *v.Met:
		return "yes"
	}
	return "**no**"
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// show writes a spread with so many decimals, or none of large figures.
func show(s spread, decimals int) string {
	if s.Median >= 1000 {
		decimals = 0
	}
	if s.Min == s.Max {
		return fmt.Sprintf("%.*f", decimals, s.Median)
	}
	return fmt.Sprintf("%.*f [%.*f–%.*f]", decimals, s.Median, decimals, s.Min, decimals, s.Max)
}
