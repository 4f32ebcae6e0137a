package report

import "fmt"

// Target is what a figure should be, beside that of another contestant or by
// itself.
type Target[S Sample] struct {
	Group, Subject string
	Metric         Metric[S]
	// Limit is the least, or where less is better the most; 0 for a figure
	// without a target.
	Limit float64
	// Against is whom it is divided by: the better of them, by their medians;
	// none for a figure by itself.
	Against []string
}

// NewTarget makes a target, as a line of a list of them.
func NewTarget[S Sample](group, subject string, m Metric[S], limit float64, against ...string) Target[S] {
	return Target[S]{Group: group, Subject: subject, Metric: m, Limit: limit, Against: against}
}

// Verdict is how a target was met.
type Verdict struct {
	What     string  `json:"what"`
	Target   string  `json:"target,omitempty"`
	Measured *Spread `json:"measured"` // null where it was not
	Met      *bool   `json:"met"`      // null where there is nothing to meet, or it was not measured
}

// Judge compares the samples with each target.
func Judge[S Sample](targets []Target[S], samples []S) []Verdict {
	var verdicts []Verdict
	for _, t := range targets {
		verdicts = append(verdicts, t.Judge(samples))
	}
	return verdicts
}

// Judge compares the samples with a target. A ratio is taken within each round
// and then its median, so that a noisy round is one figure among others.
func (t Target[S]) Judge(samples []S) Verdict {
	v := Verdict{What: fmt.Sprintf("%s: %s: %s", t.Group, t.Subject, t.Metric.Name)}
	other := t.opponent(samples)
	if other != "" {
		v.What += " / " + other
	}
	if t.Limit > 0 {
		v.Target = fmt.Sprintf("≥ %g", t.Limit)
		if t.Metric.Less {
			v.Target = fmt.Sprintf("≤ %g", t.Limit)
		}
	}
	figures := t.figures(samples, other)
	if len(figures) == 0 {
		return v
	}
	s := SpreadOf(figures)
	v.Measured = &s
	if t.Limit > 0 {
		met := s.Median >= t.Limit
		if t.Metric.Less {
			met = s.Median <= t.Limit
		}
		v.Met = &met
	}
	return v
}

// opponent returns the better of those that the subject is compared with: the
// first where none was measured, and "" where there is none.
func (t Target[S]) opponent(samples []S) string {
	best, name := 0.0, ""
	for _, candidate := range t.Against {
		figures := t.Metric.figures(samples, t.Group, candidate)
		if len(figures) == 0 {
			continue
		}
		if m := SpreadOf(figures).Median; name == "" || m < best == t.Metric.Less && m != best {
			best, name = m, candidate
		}
	}
	if name == "" && len(t.Against) > 0 {
		return t.Against[0]
	}
	return name
}

// figures are the subject's, divided by its opponent's of the same round.
func (t Target[S]) figures(samples []S, other string) []float64 {
	if other == "" {
		return t.Metric.figures(samples, t.Group, t.Subject)
	}
	byRound := map[int]float64{}
	for _, s := range samples {
		if p := s.Place(); p.Group == t.Group && p.Contestant == other {
			byRound[p.Round] = t.Metric.Of(s)
		}
	}
	var ratios []float64
	for _, s := range samples {
		if p := s.Place(); p.Group == t.Group && p.Contestant == t.Subject && byRound[p.Round] > 0 {
			ratios = append(ratios, t.Metric.Of(s)/byRound[p.Round])
		}
	}
	return ratios
}

// line is the verdict as a row of a table.
func (v Verdict) line() string {
	target, measured, met := "–", "not measured", "–"
	if v.Target != "" {
		target = v.Target
	}
	if v.Measured != nil {
		measured = v.Measured.show(3)
	}
	if v.Met != nil {
		met = map[bool]string{true: "yes", false: "**no**"}[*v.Met]
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", v.What, target, measured, met)
}
