//go:build unix

package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/test/harm/harmtest"
)

// A short run on the embedded broker, with processes of its own: clients that
// come and go while replicas are killed, stopped and frozen, a partition is
// added and records are deleted lose nothing, and nothing is left behind.
func TestAShortRun(t *testing.T) {
	md := filepath.Join(t.TempDir(), "streams.md")
	o, err := parseOptions([]string{"-hasty", "-disconnects", "60", "-faults", "5", "-clients", "8", "-replicas", "2", "-partitions", "2", "-md", md}, t.Output())
	require.NoError(t, err)
	harmtest.Run(t, harmtest.Cluster(t), "", "", func(getenv func(string) string, out io.Writer) error {
		return run(t.Context(), o, getenv, out)
	})
	report, err := os.ReadFile(md)
	require.NoError(t, err)
	require.Contains(t, string(report), "| **lost without a gap** | **0** |")
}
