package main

import (
	"fmt"

	"sluice/bench/internal/report"
)

var (
	colRate  = report.NewColumn("records/s", 0, rate.Of)
	colCPU   = report.NewColumn("µs of processor time a record", 2, cpu.Of)
	colP50   = report.NewColumn("p50 ms", 2, p50.Of)
	colP99   = report.NewColumn("p99 ms", 2, func(s sample) float64 { return s.P99 })
	colP999  = report.NewColumn("p99.9 ms", 2, func(s sample) float64 { return s.P999 })
	openText = "Requests are due at fixed times, whatever became of those before; a latency counts from when its request was due (no coordinated omission)."
)

var tables = []report.Table[sample]{
	{
		Group: groupClosed, Title: "64 connections, closed loop",
		Explain: "One record a request. The processor time is the gateway's alone.",
		Columns: []report.Column[sample]{colRate, colCPU, colP50, colP99},
	},
	{Group: groupOpen500, Title: "500 requests/s, open loop", Explain: openText, Columns: []report.Column[sample]{colP50, colP99, colP999, colCPU}},
	{Group: groupOpen2k, Title: "2,000 requests/s, open loop", Explain: openText, Columns: []report.Column[sample]{colP50, colP99, colP999, colCPU}},
	{
		Group: groupBatch, Title: "Many records a request",
		Explain: fmt.Sprintf("NDJSON is one upload with one answer; REST v2 is %d connections with %d records a request.", batchSenders, perBatch),
		Columns: []report.Column[sample]{colRate, colCPU},
	},
	{
		Group: groupMemory, Title: "Memory of the gateway after all of this",
		Columns: []report.Column[sample]{
			report.NewColumn("resident MB", 1, memory.Of),
			report.NewColumn("at most MB", 1, func(s sample) float64 { return float64(s.Peak) / (1 << 20) }),
		},
	},
	{
		Group: groupStart, Title: "From the start of the program to the first acknowledged record",
		Explain: "Both services and the embedded broker in one process.",
		Columns: []report.Column[sample]{report.NewColumn("ms", 0, began.Of)},
	},
}
