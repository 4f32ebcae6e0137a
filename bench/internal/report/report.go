// Package report is what benchmarks do with their figures: the order in which
// contestants take turns, so that these can be compared, medians and ratios,
// targets and whether they were met, tables, and the files that are published.
// It knows nothing of what the figures are of.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Files are where a report goes; an empty name is of none.
type Files struct {
	JSON, Markdown string
}

// Encoding writes a report as JSON.
type Encoding func(report any) ([]byte, error)

// Indented has a figure a line.
func Indented(report any) ([]byte, error) { return json.MarshalIndent(report, "", " ") }

// RunALine has a run a line.
func RunALine(report any) ([]byte, error) {
	text, err := json.Marshal(report)
	return []byte(strings.ReplaceAll(string(text), "},{", "},\n{")), err
}

// Publish shows the text of a report, and writes the files that were asked for.
func (f Files) Publish(out io.Writer, text string, report any, encode Encoding) error {
	_, _ = fmt.Fprintf(out, "\n%s", text) // A reader that has gone ends a benchmark by a signal.
	if f.JSON != "" {
		asJSON, err := encode(report)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.JSON, append(asJSON, '\n'), 0o644); err != nil {
			return err
		}
		text += fmt.Sprintf("\nEvery run is in [%[1]s](%[1]s).\n", filepath.Base(f.JSON))
	}
	if f.Markdown == "" {
		return nil
	}
	return os.WriteFile(f.Markdown, []byte(text), 0o644)
}
