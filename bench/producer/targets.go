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
	rate   = metric{name: "records/s", of: func(s sample) float64 { return s.Rate }}
	cpu    = metric{name: "processor time a record", of: func(s sample) float64 { return s.CPU }, less: true}
	p50    = metric{name: "p50", of: func(s sample) float64 { return s.P50 }, less: true}
	memory = metric{name: "resident memory, MB", of: func(s sample) float64 { return float64(s.Memory) / (1 << 20) }, less: true}
	began  = metric{name: "first acknowledged record after, ms", of: func(s sample) float64 { return s.Start }, less: true}
)

// target is what a figure should be, beside that of another contestant or by
// itself.
type target struct {
	group, subject string
	metric         metric
	// against is whom it is divided by: the better of them, by their medians.
	against []string
	limit   float64 // 0 for a figure without a target
}

var sixties = []string{sixtySync, sixtyLinger}

var targets = []target{
	{groupClosed, sluice, cpu, sixties, 0.8},
	{groupClosed, sluice, cpu, []string{bare}, 1.8},
	{groupClosed, sluice, rate, sixties, 1.2},
	{groupClosed, sluiceRaw, cpu, sixties, 0.8},
	{groupClosed, sluiceRaw, cpu, []string{bare}, 1.8},
	{groupClosed, sluiceRaw, rate, sixties, 1.2},
	{groupClosed, sluiceKeys, rate, []string{sluice}, 0.9},
	{groupClosed, sluiceKeys, cpu, []string{sluice}, 1.1},
	{groupClosed, sluiceKeysRaw, rate, []string{sluiceRaw}, 0.9},
	{groupClosed, sluiceKeysRaw, cpu, []string{sluiceRaw}, 1.1},
	{groupOpen500, sluice, p50, sixties, 1.15},
	{groupOpen2k, sluice, p50, sixties, 1.15},
	{groupBatch, sluiceLines, rate, []string{rawClient}, 0.8},
	{groupBatch, sluiceLines, cpu, []string{rawClient}, 0},
	{groupBatch, sluiceV2, rate, []string{rawClient}, 0.3},
	{groupBatch, sluiceV2Binary, rate, []string{rawClient}, 0.3},
	{groupMemory, sluiceOpen, memory, nil, 64},
	{groupMemory, sluiceKeyed, memory, nil, 64},
	{groupStart, sluiceDev, began, nil, 300},
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
	other := t.opponent(samples)
	switch {
	case other != "":
		v.What += " / " + other
	case len(t.against) > 0:
		v.What += " / " + t.against[0]
	}
	if t.limit > 0 {
		v.Target = fmt.Sprintf("≥ %g", t.limit)
		if t.metric.less {
			v.Target = fmt.Sprintf("≤ %g", t.limit)
		}
	}
	figures := t.figures(samples, other)
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

// opponent returns the better of those that the subject is compared with; ""
// where none was measured.
func (t target) opponent(samples []sample) string {
	best, name := 0.0, ""
	for _, candidate := range t.against {
		figures := figuresOf(samples, t.group, candidate, t.metric)
		if len(figures) == 0 {
			continue
		}
		if m := spreadOf(figures).Median; name == "" || m < best == t.metric.less && m != best {
			best, name = m, candidate
		}
	}
	return name
}

// figures are the subject's, divided by its opponent's of the same round.
func (t target) figures(samples []sample, other string) []float64 {
	if len(t.against) == 0 {
		return figuresOf(samples, t.group, t.subject, t.metric)
	}
	byRound := map[int]float64{}
	for _, s := range samples {
		if s.Group == t.group && s.Contestant == other {
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
