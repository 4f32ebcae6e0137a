package main

import (
	"fmt"
	"strings"
)

// column is a figure in a table.
type column struct {
	title    string
	decimals int
	of       func(sample) float64
}

// table shows one group, a contestant a row.
type table struct {
	group, title, explain string
	columns               []column
}

var (
	colRate  = column{"records/s", 0, rate.of}
	colCPU   = column{"µs of processor time a record", 2, cpu.of}
	colPeak  = column{"resident MB at most", 1, peak.of}
	colFirst = column{"first record after ms", 0, func(s sample) float64 { return s.First }}
)

var tables = []table{
	{
		groupNothing, "A handler that does nothing",
		"The first tenth of the records is the warm-up of each process and not measured. The first record comes after the start of the process, the join of the group and the first fetch.",
		[]column{colRate, colCPU, colPeak, colFirst},
	},
	{
		groupWork, "A handler that waits for 5 ms",
		fmt.Sprintf("%d keys in %d partitions, each equally often and in random order; a concurrency of %d. The waiting needs no processor, as that for a database. The ideal is the waiting alone, as much of it at a time as order and concurrency allow.",
			workKeys, partitions, concurrency),
		[]column{
			{"s", 2, func(s sample) float64 { return s.Seconds }},
			colRate,
			{"ideal time / time", 2, func(s sample) float64 { return s.OfIdeal }},
		},
	},
	{
		groupLatency, "From the producer to the handler, at 1,000 records/s",
		"From when a record is handed to a franz-go producer without linger until its handler is called: the write (acks=all), the fetch and the way to the handler. The clocks are one machine's.",
		[]column{
			{"p50 ms", 2, p50.of},
			{"p99 ms", 2, p99.of},
			{"p99.9 ms", 2, func(s sample) float64 { return s.P999 }},
			colCPU,
		},
	},
	{
		groupStall, "A handler that stalls",
		"Resident memory of the process, in MB, from the moment in which the handler has its first record. Every call of the handler waits; in the rows that say so only the first record of each partition does, and what comes behind it is handled as far as the order and the bounds allow, but cannot be committed.",
		[]column{
			{"at its begin", 1, func(s sample) float64 { return s.at(0) }},
			{"after 1/4", 1, func(s sample) float64 { return s.at(0.25) }},
			{"after 1/2", 1, func(s sample) float64 { return s.at(0.5) }},
			{"after 3/4", 1, func(s sample) float64 { return s.at(0.75) }},
			{"at its end", 1, func(s sample) float64 { return s.at(1) }},
			{"at most", 1, peak.of},
			{"records handled behind", 0, func(s sample) float64 { return float64(s.Handled) }},
		},
	},
}

// write writes the table, unless nothing of it was measured.
func (t table) write(b *strings.Builder, samples []sample) {
	var names []string
	rows := map[string][]sample{}
	for _, s := range samples {
		if s.Group != t.group {
			continue
		}
		if rows[s.Contestant] == nil {
			names = append(names, s.Contestant)
		}
		rows[s.Contestant] = append(rows[s.Contestant], s)
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| program |", t.title, t.explain)
	for _, c := range t.columns {
		fmt.Fprintf(b, " %s |", c.title)
	}
	fmt.Fprintf(b, "\n| --- |%s\n", strings.Repeat(" --- |", len(t.columns)))
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", name)
		for _, c := range t.columns {
			fmt.Fprintf(b, " %s |", show(spreadOf(figuresOf(rows[name], t.group, name, metric{of: c.of})), c.decimals))
		}
		b.WriteString("\n")
	}
}
