package report_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/bench/internal/report"
)

func TestFiguresAsTables(t *testing.T) {
	targets := []report.Target[sample]{
		report.NewTarget("one", "a", rate, 0.6, "b"), report.NewTarget("one", "a", rate, 0.66, "b"),
		report.NewTarget("two", "a", rate, 0), report.NewTarget("three", "a", rate, 2),
	}
	columns := []report.Column[sample]{report.NewColumn("records/s", 1, rate.Of), report.NewColumn("many", 2, func(s sample) float64 { return 1234.56 * s.CPU })}
	tables := []report.Table[sample]{
		{Group: "two", Title: "A group", Explain: "What it is.", Columns: columns},
		{Group: "one", Title: "Another", Columns: columns[:1]},
		{Group: "three", Title: "Not measured", Columns: columns},
	}
	var b strings.Builder
	report.WriteFigures(&b, report.Judge(targets, runs), tables, runs)
	_, figures, found := strings.Cut(b.String(), "| --- | --- | --- | --- |\n")
	require.True(t, found)
	require.Equal(t, `| one: a: records/s / b | ≥ 0.6 | 0.650 [0.500–0.700] | yes |
| one: a: records/s / b | ≥ 0.66 | 0.650 [0.500–0.700] | **no** |
| two: a: records/s | – | 1.000 | – |
| three: a: records/s | ≥ 2 | not measured | – |

## A group

What it is.

| program | records/s | many |
| --- | --- | --- |
| a | 1.0 | 1235 |

## Another

| program | records/s |
| --- | --- |
| b | 100.0 [20.0–100.0] |
| c | 110.0 [20.0–125.0] |
| a | 50.0 [13.0–70.0] |
`, figures)
}

func TestMachines(t *testing.T) {
	m := report.MachineOfCheckout(t.Context())
	require.Positive(t, m.Cores)
	m.Kafka = "some Kafka"
	require.Contains(t, m.Rows(), "| Go, franz-go | "+m.Go+", "+m.Client+" |\n")
	require.Contains(t, m.Rows(), "| Kafka | some Kafka |\n")
	m = report.MachineOf(t.Context(), "/nowhere/sluice")
	require.Contains(t, m.Rows(), "| Go | "+m.Go+" |\n| Sluice | unknown |\n")
}

func TestPublishedFiles(t *testing.T) {
	dir := t.TempDir()
	files := report.Files{JSON: filepath.Join(dir, "r.json"), Markdown: filepath.Join(dir, "r.md")}
	var out strings.Builder
	require.NoError(t, files.Publish(&out, "text\n", runs, report.RunALine))
	require.Equal(t, "\ntext\n", out.String())
	text, err := os.ReadFile(files.Markdown)
	require.NoError(t, err)
	require.Equal(t, "text\n\nEvery run is in [r.json](r.json).\n", string(text))
	asJSON, err := os.ReadFile(files.JSON)
	require.NoError(t, err)
	require.Equal(t, len(runs), strings.Count(string(asJSON), "\n"))
	var read []sample
	require.NoError(t, json.Unmarshal(asJSON, &read))
	require.Equal(t, runs, read)

	require.NoError(t, report.Files{Markdown: files.Markdown}.Publish(&out, "alone\n", runs, report.Indented))
	text, err = os.ReadFile(files.Markdown)
	require.NoError(t, err)
	require.Equal(t, "alone\n", string(text))
	require.NoError(t, report.Files{}.Publish(&out, "", runs, report.Indented))
	require.Error(t, files.Publish(&out, "", math.NaN(), report.Indented))
	require.Error(t, report.Files{JSON: dir}.Publish(&out, "", 1, report.Indented), "a folder")
}
