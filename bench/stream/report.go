package main

import (
	"fmt"
	"io"
	"strings"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
	"sluice/bench/stream/server"
)

// results are everything that is published.
type results struct {
	Machine report.Machine   `json:"machine"`
	Options options          `json:"options"`
	Targets []report.Verdict `json:"targets"`
	Samples []sample         `json:"runs"`
}

// publish judges the samples and writes what was asked for.
func publish(o options, r results, out io.Writer) error {
	r.Targets = report.Judge(targets, r.Samples)
	return report.Files{JSON: o.json, Markdown: o.md}.Publish(out, r.markdown(), r, report.RunALine)
}

func (r results) markdown() string {
	var b strings.Builder
	o := r.Options
	fmt.Fprintf(&b, `# Benchmarks of the fan-out plane

Written by `+"`go run ./bench/stream`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
%s| runs | %d rounds, taking turns; median [least–most]; latencies for %s, idle clients for %s |
| clients | deliveries: %d; idle: %d |
| records for each client | of 100 bytes: %d; of 1 KiB: %d |

Server, clients and Kafka share the machine, each a process of its own; a round runs one server at a time, on a topic of its own with %d partitions. Values are JSON, keys are null, nothing is compressed. The clients read HTTP/1.1 with one thread for each processor, so that they are not what is measured, take the chunks and the lines of the events apart, and count: a run ends with an error unless each of them had every record once, and each eighth also compares their numbers.

- `+"`%s`"+`: one franz-go consumer without a group (read committed, fetch sizes as Sluice's); each record is encoded once, with `+"`encoding/json`"+`, and goes into a channel (%d records) for each client; the client's goroutine writes it and flushes when its channel is empty. Where a channel is full everybody waits, so nothing is lost; there are no write deadlines, no cursors, no gaps, no filters, no credentials and no metrics. Its ids have a dozen bytes, those of Sluice about 70.
- `+"`%s`"+`: service B as a program with a handler of its own, its defaults but for the limits of clients and connections; the handler reads another topic, in which there is nothing.
- Both have Go's default garbage collector settings. Processor time is that of the server's process alone.
`, r.Machine.Rows(),
		o.Rounds, o.measured(), o.hold(), o.Clients, o.Idle,
		o.records(group{backlog: smallBacklog}), o.records(group{backlog: largeBacklog}),
		cluster.Partitions, plainDesign, server.Buffered, sluiceB)
	report.WriteFigures(&b, r.Targets, tables, r.Samples)
	return b.String()
}
