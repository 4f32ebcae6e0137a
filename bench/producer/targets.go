package main

import "sluice/bench/internal/report"

var (
	rate   = report.Metric[sample]{Name: "records/s", Of: func(s sample) float64 { return s.Rate }}
	cpu    = report.Metric[sample]{Name: "processor time a record", Of: func(s sample) float64 { return s.CPU }, Less: true}
	p50    = report.Metric[sample]{Name: "p50", Of: func(s sample) float64 { return s.P50 }, Less: true}
	memory = report.Metric[sample]{Name: "resident memory, MB", Of: func(s sample) float64 { return float64(s.Memory) / (1 << 20) }, Less: true}
	began  = report.Metric[sample]{Name: "first acknowledged record after, ms", Of: func(s sample) float64 { return s.Start }, Less: true}
)

var sixties = []string{sixtySync, sixtyLinger}

var targets = []report.Target[sample]{
	report.NewTarget(groupClosed, sluice, cpu, 0.8, sixties...),
	report.NewTarget(groupClosed, sluice, cpu, 1.8, bare),
	report.NewTarget(groupClosed, sluice, rate, 1.2, sixties...),
	report.NewTarget(groupClosed, sluiceRaw, cpu, 0.8, sixties...),
	report.NewTarget(groupClosed, sluiceRaw, cpu, 1.8, bare),
	report.NewTarget(groupClosed, sluiceRaw, rate, 1.2, sixties...),
	report.NewTarget(groupClosed, sluiceKeys, rate, 0.9, sluice),
	report.NewTarget(groupClosed, sluiceKeys, cpu, 1.1, sluice),
	report.NewTarget(groupClosed, sluiceKeysRaw, rate, 0.9, sluiceRaw),
	report.NewTarget(groupClosed, sluiceKeysRaw, cpu, 1.1, sluiceRaw),
	report.NewTarget(groupOpen500, sluice, p50, 1.15, sixties...),
	report.NewTarget(groupOpen2k, sluice, p50, 1.15, sixties...),
	report.NewTarget(groupBatch, sluiceLines, rate, 0.8, rawClient),
	report.NewTarget(groupBatch, sluiceLines, cpu, 0, rawClient),
	report.NewTarget(groupBatch, sluiceV2, rate, 0.3, rawClient),
	report.NewTarget(groupBatch, sluiceV2Binary, rate, 0.3, rawClient),
	report.NewTarget(groupMemory, sluiceOpen, memory, 64),
	report.NewTarget(groupMemory, sluiceKeyed, memory, 64),
	report.NewTarget(groupStart, sluiceDev, began, 300),
}
