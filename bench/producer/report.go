package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report is everything that is published.
type report struct {
	Machine machine           `json:"machine"`
	Options options           `json:"options"`
	Targets []verdict         `json:"targets"`
	Absent  map[string]string `json:"not_measured"`
	Samples []sample          `json:"runs"`
}

// publish judges the samples and writes what was asked for.
func publish(o options, r report) error {
	for _, t := range targets {
		r.Targets = append(r.Targets, t.judge(r.Samples))
	}
	text := r.markdown()
	fmt.Print("\n" + text)
	if o.json != "" {
		asJSON, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
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
	m := r.Machine
	fmt.Fprintf(&b, `# Benchmarks of service A

Written by `+"`go run ./bench/producer`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
| date | %s |
| machine | %s, %d processors: %s; load average before: %s |
| Go | %s |
| Sluice | %s |
| Kafka | %s |
| runs | %d rounds, taking turns; median [least–most]; closed loops of %s, open ones of %s |

Load generator, gateways and Kafka share the machine. Every value has %d bytes, every topic %d partitions, nothing is compressed, every record is acknowledged with acks=all by an idempotent producer. After each run the records in Kafka were compared with what was acknowledged, in the first round id by id: no difference. %d records in all.

- `+"`bare net/http`"+`: a server that answers a constant and writes nothing.
- `+"`sixty-sync`, `sixty-linger`"+`: a gateway without features, net/http, encoding/json and franz-go in sixty lines: ProduceSync without linger, and a promise with a linger of 1 ms. Where a figure is compared with them, it is with the one that is better at it.
- `+"`raw franz-go`"+`: no HTTP: one goroutine, up to 10,000 records under way, an allocation and a closure for each.
- `+"`POST /topics/{t}`"+` is compared with the sixties' `+"`POST /produce`"+`: they have nothing else.
- Sluice sets GOGC=400 for itself; the others have Go's default.
- Processor time is that of the gateway's process alone, taken around the measured time, after a warm-up.

## Targets

A ratio is taken within each round, and the table has its median [least–most]. A target that is missed is published like one that is met.

| what | target | measured | met |
| --- | --- | --- | --- |
`, m.Date, m.Platform, m.Cores, m.CPU, m.Load, m.Go, m.Sluice, m.Kafka,
		r.Options.Rounds, r.Options.Window, 2*r.Options.Window, recordSize, partitions, r.acknowledged())
	for _, v := range r.Targets {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", v.What, orDash(v.Target), v.measured(), v.verdict())
	}
	for _, t := range tables {
		t.write(&b, r.Samples)
	}
	r.writeAbsent(&b)
	return b.String()
}

func (r report) acknowledged() int64 {
	var n int64
	for _, s := range r.Samples {
		if s.Contestant != bare {
			n += s.Acked
		}
	}
	return n
}

func (r report) writeAbsent(b *strings.Builder) {
	if len(r.Absent) == 0 {
		return
	}
	b.WriteString("\n## Not measured\n\n")
	var names []string
	for name := range r.Absent {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(b, "- %s: %s\n", name, strings.ReplaceAll(r.Absent[name], "\n", " "))
	}
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
