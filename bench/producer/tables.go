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
	colP50   = column{"p50 ms", 2, p50.of}
	colP99   = column{"p99 ms", 2, func(s sample) float64 { return s.P99 }}
	colP999  = column{"p99.9 ms", 2, func(s sample) float64 { return s.P999 }}
	openText = "Requests are due at fixed times, whatever became of those before; a latency counts from when its request was due (no coordinated omission)."
)

var tables = []table{
	{
		groupClosed, "64 connections, closed loop", "One record a request. The processor time is the gateway's alone.",
		[]column{colRate, colCPU, colP50, colP99},
	},
	{groupOpen500, "500 requests/s, open loop", openText, []column{colP50, colP99, colP999, colCPU}},
	{groupOpen2k, "2,000 requests/s, open loop", openText, []column{colP50, colP99, colP999, colCPU}},
	{
		groupBatch, "Many records a request",
		fmt.Sprintf("NDJSON is one upload with one answer; REST v2 is %d connections with %d records a request.", batchSenders, perBatch),
		[]column{colRate, colCPU},
	},
	{
		groupMemory, "Memory of the gateway after all of this", "", []column{
			{"resident MB", 1, memory.of},
			{"at most MB", 1, func(s sample) float64 { return float64(s.Peak) / (1 << 20) }},
		},
	},
	{
		groupStart, "From the start of the program to the first acknowledged record", "Both services and the embedded broker in one process.",
		[]column{{"ms", 0, began.of}},
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
	fmt.Fprintf(b, "\n## %s\n\n", t.title)
	if t.explain != "" {
		fmt.Fprintf(b, "%s\n\n", t.explain)
	}
	b.WriteString("| program |")
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
