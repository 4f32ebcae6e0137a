package report

// Place says what was measured, and when.
type Place struct {
	Group, Contestant string
	Round             int
}

// Sample is what one run of one contestant measured.
type Sample interface {
	// Place is that of the run.
	Place() Place
}

// Metric is a figure of a run.
type Metric[S Sample] struct {
	Name string
	Of   func(S) float64
	// Less says that less is better.
	Less bool
}

// figures are those of a contestant, in the order of the samples.
func (m Metric[S]) figures(samples []S, group, contestant string) []float64 {
	var figures []float64
	for _, s := range samples {
		if p := s.Place(); p.Group == group && p.Contestant == contestant {
			figures = append(figures, m.Of(s))
		}
	}
	return figures
}
