package main

import (
	"fmt"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/report"
)

var (
	colRate  = report.NewColumn("records/s", 0, rate.Of)
	colCPU   = report.NewColumn("µs of processor time a record", 2, cpu.Of)
	colPeak  = report.NewColumn("resident MB at most", 1, peak.Of)
	colFirst = report.NewColumn("first record after ms", 0, func(s sample) float64 { return s.First })
)

var tables = []report.Table[sample]{
	{
		Group: groupNothing, Title: "A handler that does nothing",
		Explain: "The first tenth of the records is the warm-up of each process and not measured. The first record comes after the start of the process, the join of the group and the first fetch.",
		Columns: []report.Column[sample]{colRate, colCPU, colPeak, colFirst},
	},
	{
		Group: groupWork, Title: "A handler that waits for 5 ms",
		Explain: fmt.Sprintf("%d keys in %d partitions, each equally often and in random order; a concurrency of %d. The waiting needs no processor, as that for a database. The ideal is the waiting alone, as much of it at a time as order and concurrency allow.",
			workKeys, cluster.Partitions, concurrency),
		Columns: []report.Column[sample]{
			report.NewColumn("s", 2, func(s sample) float64 { return s.Seconds }),
			colRate,
			report.NewColumn("ideal time / time", 2, func(s sample) float64 { return s.OfIdeal }),
		},
	},
	{
		Group: groupLatency, Title: "From the producer to the handler, at 1,000 records/s",
		Explain: "From when a record is handed to a franz-go producer without linger until its handler is called: the write (acks=all), the fetch and the way to the handler. The clocks are one machine's.",
		Columns: []report.Column[sample]{
			report.NewColumn("p50 ms", 2, p50.Of),
			report.NewColumn("p99 ms", 2, p99.Of),
			report.NewColumn("p99.9 ms", 2, func(s sample) float64 { return s.P999 }),
			colCPU,
		},
	},
	{
		Group: groupStall, Title: "A handler that stalls",
		Explain: "Resident memory of the process, in MB, from the moment in which the handler has its first record. Every call of the handler waits; in the rows that say so only the first record of each partition does, and what comes behind it is handled as far as the order and the bounds allow, but cannot be committed.",
		Columns: []report.Column[sample]{
			report.NewColumn("at its begin", 1, func(s sample) float64 { return s.at(0) }),
			report.NewColumn("after 1/4", 1, func(s sample) float64 { return s.at(0.25) }),
			report.NewColumn("after 1/2", 1, func(s sample) float64 { return s.at(0.5) }),
			report.NewColumn("after 3/4", 1, func(s sample) float64 { return s.at(0.75) }),
			report.NewColumn("at its end", 1, func(s sample) float64 { return s.at(1) }),
			report.NewColumn("at most", 1, peak.Of),
			report.NewColumn("records handled behind", 0, func(s sample) float64 { return float64(s.Handled) }),
		},
	},
}
