package main

import (
	"fmt"
	"io"
	"strings"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
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
	fmt.Fprintf(&b, `# Benchmarks of the processing plane

Written by `+"`go run ./bench/consumer`"+`; run it to have your machine's figures. Compare rows of one table only.

| | |
| --- | --- |
%s| runs | %d rounds, taking turns; median [least–most]; stalls once, for %s |
| records | does nothing: %d; waits: %d; latency: %d; stalls: %d |

The member and Kafka share the machine; a round runs one member at a time, each as a process of its own in a group of its own, alone in it. Every value has %d bytes, every topic %d partitions, nothing is compressed. What is read again in each round was written once, with keys of 8 bytes, in batches of up to %d KiB. Each run has counted its records, and ends the benchmark with an error unless every one was handled exactly once and, at the end, the group had committed all of them (except for stalls, which end in the middle).

- `+"`%s`"+`: the poll loop that one writes with franz-go alone, in a group, with the fetch sizes, the isolation level (read committed) and the balancer of Sluice's client, and the client's own commit every second. It handles a record where it was polled, one after the other; without queues, retries, states or metrics.
- `+"`%s`"+`: a program with a handler of its own: `+"`consumer.New`"+` with its defaults (order partition, concurrency %d) and its metrics registered, and `+"`on_failure: stop`"+`.
- Both have Go's default garbage collector settings. Processor time is that of the member's process alone, taken by itself around the measured records.
`, r.Machine.Rows(),
		o.Rounds, o.stallTime(), o.nothingRecords(), o.workRecords(), o.latencyRecords(), o.Behind,
		valueSize, cluster.Partitions, batchBytes>>10, bare, byPartition, concurrency)
	report.WriteFigures(&b, r.Targets, tables, r.Samples)
	return b.String()
}
