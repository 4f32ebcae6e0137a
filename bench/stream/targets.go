package main

import "fmt"

// metric is a figure of a run.
type metric struct {
	name string
	of   func(sample) float64
	// less says that less is better.
	less bool
}

var (
	rate      = metric{name: "deliveries/s", of: func(s sample) float64 { return s.Rate }}
	cpu       = metric{name: "processor time a delivery", of: func(s sample) float64 { return s.CPU }, less: true}
	p50       = metric{name: "p50", of: func(s sample) float64 { return s.P50 }, less: true}
	p99       = metric{name: "p99", of: func(s sample) float64 { return s.P99 }, less: true}
	perClient = metric{name: "resident memory of an idle client, KiB", of: sample.perClient, less: true}
)

// target is what a figure should be, beside that of another contestant or by
// itself.
type target struct {
	group, subject string
	metric         metric
	against        string  // whom it is divided by; empty for itself
	limit          float64 // 0 for a figure without a target
}

const (
	leastRatio = 2
	mostIdle   = 32 // KiB
)

var targets = []target{
	{groupSmall, sluiceB, rate, plainDesign, leastRatio},
	{groupSmall, sluiceB, cpu, plainDesign, 0},
	{groupLarge, sluiceB, rate, plainDesign, leastRatio},
	{groupLarge, sluiceB, cpu, plainDesign, 0},
	{groupSmallLate, sluiceB, p50, plainDesign, 0},
	{groupSmallLate, sluiceB, p99, plainDesign, 0},
	{groupSmallLate, sluiceB, cpu, plainDesign, 0},
	{groupLargeLate, sluiceB, p50, plainDesign, 0},
	{groupLargeLate, sluiceB, p99, plainDesign, 0},
	{groupLargeLate, sluiceB, cpu, plainDesign, 0},
	{groupIdle, sluiceB, perClient, "", mostIdle},
	{groupIdle, sluiceB, perClient, plainDesign, 0},
}

// verdict is how a target was met.
type verdict struct {
	What     string  `json:"what"`
	Target   string  `json:"target,omitempty"`
	Measured *spread `json:"measured"` // null where it was not
	Met      *bool   `json:"met"`      // null where there is nothing to meet, or it was not measured
}

// judge compares the samples with a target. A ratio is taken within each round
// and then its median, so that a noisy round is one figure among others.
func (t target) judge(samples []sample) verdict {
	v := verdict{What: fmt.Sprintf("%s: %s: %s", t.group, t.subject, t.metric.name)}
	if t.against != "" {
		v.What += " / " + t.against
	}
	if t.limit > 0 {
		v.Target = fmt.Sprintf("≥ %g", t.limit)
		if t.metric.less {
			v.Target = fmt.Sprintf("≤ %g", t.limit)
		}
	}
	figures := t.figures(samples)
	if len(figures) == 0 {
		return v
	}
	s := spreadOf(figures)
	v.Measured = &s
	if t.limit > 0 {
		met := s.Median >= t.limit
		if t.metric.less {
			met = s.Median <= t.limit
		}
		v.Met = &met
	}
	return v
}

// figures are the subject's, divided by its opponent's of the same round.
func (t target) figures(samples []sample) []float64 {
	if t.against == "" {
		return figuresOf(samples, t.group, t.subject, t.metric)
	}
	byRound := map[int]float64{}
	for _, s := range samples {
		if s.Group == t.group && s.Contestant == t.against {
			byRound[s.Round] = t.metric.of(s)
		}
	}
	var ratios []float64
	for _, s := range samples {
		if s.Group == t.group && s.Contestant == t.subject && byRound[s.Round] > 0 {
			ratios = append(ratios, t.metric.of(s)/byRound[s.Round])
		}
	}
	return ratios
}

func figuresOf(samples []sample, group, contestant string, m metric) []float64 {
	var figures []float64
	for _, s := range samples {
		if s.Group == group && s.Contestant == contestant {
			figures = append(figures, m.of(s))
		}
	}
	return figures
}
