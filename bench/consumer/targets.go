package main

import "sluice/bench/internal/report"

var (
	rate   = report.Metric[sample]{Name: "records/s", Of: func(s sample) float64 { return s.Rate }}
	cpu    = report.Metric[sample]{Name: "processor time a record", Of: func(s sample) float64 { return s.CPU }, Less: true}
	p50    = report.Metric[sample]{Name: "p50", Of: func(s sample) float64 { return s.P50 }, Less: true}
	p99    = report.Metric[sample]{Name: "p99", Of: func(s sample) float64 { return s.P99 }, Less: true}
	peak   = report.Metric[sample]{Name: "resident memory at most, MB", Of: func(s sample) float64 { return float64(s.Peak) / (1 << 20) }, Less: true}
	growth = report.Metric[sample]{Name: "most of the second half of the stall / most of the first", Of: sample.growth, Less: true}
)

// mostMemory is a tenth of what ten million records of 100 bytes take, and
// mostGrowth leaves room for the collector.
const (
	mostMemory = 128
	mostGrowth = 1.1
)

var targets = []report.Target[sample]{
	report.NewTarget(groupNothing, byPartition, rate, 0.6, bare),
	report.NewTarget(groupNothing, byPartition, cpu, 0, bare),
	report.NewTarget(groupNothing, byKey, rate, 0, bare),
	report.NewTarget(groupNothing, byKey, cpu, 0, bare),
	report.NewTarget(groupNothing, byNone, rate, 0, bare),
	report.NewTarget(groupNothing, byNone, cpu, 0, bare),
	report.NewTarget(groupWork, byKey, rate, 10, byPartition),
	report.NewTarget(groupWork, byNone, rate, 0, byPartition),
	report.NewTarget(groupLatency, byPartition, p50, 0, bare),
	report.NewTarget(groupLatency, byPartition, p99, 0, bare),
	report.NewTarget(groupLatency, byKey, p50, 0, bare),
	report.NewTarget(groupLatency, byKey, p99, 0, bare),
	report.NewTarget(groupStall, byPartition, peak, mostMemory),
	report.NewTarget(groupStall, byPartition, growth, mostGrowth),
	report.NewTarget(groupStall, byKey, peak, mostMemory),
	report.NewTarget(groupStall, byKey, growth, mostGrowth),
	report.NewTarget(groupStall, byNone, peak, mostMemory),
	report.NewTarget(groupStall, byNone, growth, mostGrowth),
	report.NewTarget(groupStall, firstKey, peak, mostMemory),
	report.NewTarget(groupStall, firstKey, growth, mostGrowth),
	report.NewTarget(groupStall, firstNone, peak, mostMemory),
	report.NewTarget(groupStall, firstNone, growth, mostGrowth),
}
