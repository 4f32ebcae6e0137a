package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/bench/internal/report"
)

type sample struct {
	Group      string  `json:"group"`
	Contestant string  `json:"contestant"`
	Round      int     `json:"round"`
	Rate       float64 `json:"rate"`
	CPU        float64 `json:"cpu"`
}

func (s sample) Place() report.Place {
	return report.Place{Group: s.Group, Contestant: s.Contestant, Round: s.Round}
}

var (
	rate = report.Metric[sample]{Name: "records/s", Of: func(s sample) float64 { return s.Rate }}
	cpu  = report.Metric[sample]{Name: "processor time", Of: func(s sample) float64 { return s.CPU }, Less: true}
)

// runs have a last round that was slow for all. In the middle, b is better than
// c in the processor time and c better than b in the rate.
var runs = []sample{
	{Group: "one", Contestant: "b", Round: 0, Rate: 100, CPU: 20},
	{Group: "one", Contestant: "c", Round: 0, Rate: 110, CPU: 30},
	{Group: "one", Contestant: "a", Round: 0, Rate: 70, CPU: 10},
	{Group: "one", Contestant: "a", Round: 1, Rate: 50, CPU: 12},
	{Group: "one", Contestant: "b", Round: 1, Rate: 100, CPU: 20},
	{Group: "one", Contestant: "c", Round: 1, Rate: 125, CPU: 30},
	{Group: "one", Contestant: "b", Round: 2, Rate: 20, CPU: 40},
	{Group: "one", Contestant: "a", Round: 2, Rate: 13, CPU: 20},
	{Group: "one", Contestant: "c", Round: 2, Rate: 20, CPU: 60},
	{Group: "two", Contestant: "a", Round: 0, Rate: 1, CPU: 1},
}

func TestTargets(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		target report.Target[sample]
		want   report.Verdict
	}{
		"met within the rounds": {
			report.NewTarget("one", "a", rate, 0.6, "b"),
			report.Verdict{What: "one: a: records/s / b", Target: "≥ 0.6", Measured: &report.Spread{Median: 0.65, Min: 0.5, Max: 0.7}, Met: &yes},
		},
		"missed": {
			report.NewTarget("one", "a", rate, 0.66, "b"),
			report.Verdict{What: "one: a: records/s / b", Target: "≥ 0.66", Measured: &report.Spread{Median: 0.65, Min: 0.5, Max: 0.7}, Met: &no},
		},
		"the better of two has less": {
			report.NewTarget("one", "a", cpu, 0.5, "c", "b"),
			report.Verdict{What: "one: a: processor time / b", Target: "≤ 0.5", Measured: &report.Spread{Median: 0.5, Min: 0.5, Max: 0.6}, Met: &yes},
		},
		"the better of two has more": {
			report.NewTarget("one", "a", rate, 0, "b", "c"),
			report.Verdict{What: "one: a: records/s / c", Measured: &report.Spread{Median: 70. / 110, Min: 0.4, Max: 0.65}},
		},
		"by itself": {
			report.NewTarget("one", "a", cpu, 11),
			report.Verdict{What: "one: a: processor time", Target: "≤ 11", Measured: &report.Spread{Median: 12, Min: 10, Max: 20}, Met: &no},
		},
		"nobody to compare with": {
			report.NewTarget("two", "a", rate, 2, "b", "c"),
			report.Verdict{What: "two: a: records/s / b", Target: "≥ 2"},
		},
		"nothing measured": {
			report.NewTarget("three", "a", rate, 2),
			report.Verdict{What: "three: a: records/s", Target: "≥ 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []report.Verdict{c.want}, report.Judge([]report.Target[sample]{c.target}, runs))
		})
	}
}
