package report

import (
	"fmt"
	"strings"
)

// Column is a figure in a table.
type Column[S Sample] struct {
	Title    string
	Decimals int // none of figures of a thousand or more
	Of       func(S) float64
}

// NewColumn makes a column, as a line of a list of them.
func NewColumn[S Sample](title string, decimals int, of func(S) float64) Column[S] {
	return Column[S]{Title: title, Decimals: decimals, Of: of}
}

// Table shows one group, a contestant a row.
type Table[S Sample] struct {
	Group, Title string
	Explain      string // a paragraph before the table; empty for none
	Columns      []Column[S]
}

// WriteFigures writes how the targets were met, and the tables of which
// something was measured.
func WriteFigures[S Sample](b *strings.Builder, verdicts []Verdict, tables []Table[S], samples []S) {
	b.WriteString(`
## Targets

A ratio is taken within each round, and the table has its median [least–most]. A target that is missed is published like one that is met.

| what | target | measured | met |
| --- | --- | --- | --- |
`)
	for _, v := range verdicts {
		b.WriteString(v.line())
	}
	for _, t := range tables {
		t.write(b, samples)
	}
}

// write writes the table, unless nothing of it was measured.
func (t Table[S]) write(b *strings.Builder, samples []S) {
	var names []string
	rows := map[string][]S{}
	for _, s := range samples {
		p := s.Place()
		if p.Group != t.Group {
			continue
		}
		if rows[p.Contestant] == nil {
			names = append(names, p.Contestant)
		}
		rows[p.Contestant] = append(rows[p.Contestant], s)
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", t.Title)
	if t.Explain != "" {
		fmt.Fprintf(b, "%s\n\n", t.Explain)
	}
	b.WriteString("| program |")
	for _, c := range t.Columns {
		fmt.Fprintf(b, " %s |", c.Title)
	}
	fmt.Fprintf(b, "\n| --- |%s\n", strings.Repeat(" --- |", len(t.Columns)))
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", name)
		for _, c := range t.Columns {
			figures := Metric[S]{Of: c.Of}.figures(rows[name], t.Group, name)
			fmt.Fprintf(b, " %s |", SpreadOf(figures).show(c.Decimals))
		}
		b.WriteString("\n")
	}
}
