package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sluice/bench/stream/server"
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
	fmt.Fprintf(&b, `# Benchmarks of the fan-out plane

Written by `+"`go run ./bench/stream`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
| date | %s |
| machine | %s, %d processors: %s; load average before: %s |
| Go, franz-go | %s, %s |
| Sluice | %s |
| Kafka | %s |
| runs | %d rounds, taking turns; median [least–most]; latencies for %s, idle clients for %s |
| clients | deliveries: %d; idle: %d |
| records for each client | of 100 bytes: %d; of 1 KiB: %d |

Server, clients and Kafka share the machine, each a process of its own; a round runs one server at a time, on a topic of its own with %d partitions. Values are JSON, keys are null, nothing is compressed. The clients read HTTP/1.1 with one thread for each four processors, one at least, take the chunks and the lines of the events apart, and count: a run ends with an error unless each of them had every record once, and each eighth also compares their numbers.

- `+"`%s`"+`: one franz-go consumer without a group (read committed, fetch sizes as Sluice's); each record is encoded once, with `+"`encoding/json`"+`, and goes into a channel (%d records) for each client; the client's goroutine writes it and flushes when its channel is empty. Where a channel is full everybody waits, so nothing is lost; there are no write deadlines, no cursors, no gaps, no filters, no credentials and no metrics. Its ids have a dozen bytes, those of Sluice about 70.
- `+"`%s`"+`: service B as a program with a handler of its own, its defaults but for the limits of clients and connections; the handler reads another topic, in which there is nothing.
- Both have Go's default garbage collector settings. Processor time is that of the server's process alone.

## Targets

A ratio is taken within each round, and the table has its median [least–most]. A target that is missed is published like one that is met.

| what | target | measured | met |
| --- | --- | --- | --- |
`, m.Date, m.Platform, m.Cores, m.CPU, m.Load, m.Go, m.Client, m.Sluice, m.Kafka,
		o.Rounds, o.measured(), o.hold(), o.Clients, o.Idle,
		o.records(group{backlog: smallBacklog}), o.records(group{backlog: largeBacklog}),
		partitions, plainDesign, server.Buffered, sluiceB)
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
