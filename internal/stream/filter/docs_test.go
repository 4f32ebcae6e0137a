package filter_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
	"sluice/record"
)

// blocks returns the code blocks of a language in the documentation.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/filters.md")
	require.NoError(t, err)
	var found []string
	for _, part := range strings.Split(string(doc), "\n```"+language+"\n")[1:] {
		block, _, ok := strings.Cut(part, "\n```\n")
		require.True(t, ok)
		found = append(found, block)
	}
	require.NotEmpty(t, found)
	return found
}

// TestTheExamplesOfTheDocumentation runs every one on the documentation's
// record, and compares what it says.
func TestTheExamplesOfTheDocumentation(t *testing.T) {
	var shown struct {
		Partition int32
		Offset    int64
		Timestamp time.Time
		Key       string
		Headers   map[string]string
		Value     json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(blocks(t, "json")[0]), &shown))
	r := &filter.Record{Partition: shown.Partition, Offset: shown.Offset, Timestamp: shown.Timestamp, Key: []byte(shown.Key), Value: shown.Value}
	for name, value := range shown.Headers {
		r.Headers = append(r.Headers, record.Header{Key: name, Value: []byte(value)})
	}
	n := 0
	for _, block := range blocks(t, "cel") {
		for line := range strings.Lines(block) {
			text, says, ok := strings.Cut(line, " // ")
			require.True(t, ok, line)
			match, err := compile(t, strings.TrimSpace(text)).Match(t.Context(), r)
			is := map[bool]string{true: "true", false: "false"}[match]
			if err != nil {
				is = "error"
			}
			require.Equal(t, strings.TrimSpace(says), is, line)
			n++
		}
	}
	require.Greater(t, n, 20)
	_, rest, ok := strings.Cut(blocks(t, "sh")[0], "'filter=")
	require.True(t, ok)
	require.True(t, match(t, strings.TrimSuffix(rest, "'"), r))
}

// TestTheDocumentationNamesEveryFunction compares with the list that the
// message of a wrong function has.
func TestTheDocumentationNamesEveryFunction(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/filters.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(doc), "\n## What there is\n")
	require.True(t, ok)
	_, err = filter.NewSet().Compile("nothing()")
	require.Error(t, err)
	_, names, ok := strings.Cut(err.Error(), "there are: ")
	require.True(t, ok)
	require.Greater(t, strings.Count(names, ", "), 30)
	for name := range strings.SplitSeq(names, ", ") {
		require.Contains(t, table, "`"+name+"`")
	}
}
