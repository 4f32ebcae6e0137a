package main

import "sluice/bench/internal/report"

var (
	rate      = report.Metric[sample]{Name: "deliveries/s", Of: func(s sample) float64 { return s.Rate }}
	cpu       = report.Metric[sample]{Name: "processor time a delivery", Of: func(s sample) float64 { return s.CPU }, Less: true}
	p50       = report.Metric[sample]{Name: "p50", Of: func(s sample) float64 { return s.P50 }, Less: true}
	p99       = report.Metric[sample]{Name: "p99", Of: func(s sample) float64 { return s.P99 }, Less: true}
	perClient = report.Metric[sample]{Name: "resident memory of an idle client, KiB", Of: sample.perClient, Less: true}
)

const (
	leastRatio = 2
	mostIdle   = 32 // KiB
)

var targets = []report.Target[sample]{
	report.NewTarget(groupSmall, sluiceB, rate, leastRatio, plainDesign),
	report.NewTarget(groupSmall, sluiceB, cpu, 0, plainDesign),
	report.NewTarget(groupLarge, sluiceB, rate, leastRatio, plainDesign),
	report.NewTarget(groupLarge, sluiceB, cpu, 0, plainDesign),
	report.NewTarget(groupSmallLate, sluiceB, p50, 0, plainDesign),
	report.NewTarget(groupSmallLate, sluiceB, p99, 0, plainDesign),
	report.NewTarget(groupSmallLate, sluiceB, cpu, 0, plainDesign),
	report.NewTarget(groupLargeLate, sluiceB, p50, 0, plainDesign),
	report.NewTarget(groupLargeLate, sluiceB, p99, 0, plainDesign),
	report.NewTarget(groupLargeLate, sluiceB, cpu, 0, plainDesign),
	report.NewTarget(groupIdle, sluiceB, perClient, mostIdle),
	report.NewTarget(groupIdle, sluiceB, perClient, 0, plainDesign),
}
