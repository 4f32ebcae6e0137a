package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
)

// results are everything that is published.
type results struct {
	Machine report.Machine    `json:"machine"`
	Options options           `json:"options"`
	Targets []report.Verdict  `json:"targets"`
	Absent  map[string]string `json:"not_measured"`
	Samples []sample          `json:"runs"`
}

// publish judges the samples and writes what was asked for.
func publish(o options, r results) error {
	r.Targets = report.Judge(targets, r.Samples)
	return report.Files{JSON: o.json, Markdown: o.md}.Publish(os.Stdout, r.markdown(), r, report.Indented)
}

func (r results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks of service A

Written by `+"`go run ./bench/producer`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
%s| runs | %d rounds, taking turns; median [least–most]; closed loops of %s, open ones of %s |

Load generator, gateways and Kafka share the machine. Every value has %d bytes, every topic %d partitions, nothing is compressed, every record is acknowledged with acks=all by an idempotent producer. After each run the records in Kafka were compared with what was acknowledged, in the first round id by id: no difference. %d records in all.

- `+"`bare net/http`"+`: a server that answers a constant and writes nothing.
- `+"`sixty-sync`, `sixty-linger`"+`: a gateway without features, net/http, encoding/json and franz-go in sixty lines: ProduceSync without linger, and a promise with a linger of 1 ms. Where a figure is compared with them, it is with the one that is better at it.
- `+"`raw franz-go`"+`: no HTTP: one goroutine, up to 10,000 records under way, an allocation and a closure for each.
- `+"`POST /topics/{t}`"+` is compared with the sixties' `+"`POST /produce`"+`: they have nothing else.
- Sluice sets GOGC=400 for itself; the others have Go's default.
- Processor time is that of the gateway's process alone, taken around the measured time, after a warm-up.
`, r.Machine.Rows(),
		r.Options.Rounds, r.Options.Window, 2*r.Options.Window, recordSize, cluster.Partitions, r.acknowledged())
	report.WriteFigures(&b, r.Targets, tables, r.Samples)
	r.writeAbsent(&b)
	return b.String()
}

func (r results) acknowledged() int64 {
	var n int64
	for _, s := range r.Samples {
		if s.Contestant != bare {
			n += s.Acked
		}
	}
	return n
}

func (r results) writeAbsent(b *strings.Builder) {
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
