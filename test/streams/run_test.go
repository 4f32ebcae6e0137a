//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A short run on the embedded broker, with processes of its own: clients that
// come and go while replicas are killed, stopped and frozen, a partition is
// added and records are deleted lose nothing, and nothing is left behind.
func TestAShortRun(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	t.Setenv(actAs, "streams")
	t.Setenv("TMPDIR", t.TempDir())
	md := filepath.Join(t.TempDir(), "streams.md")
	env := map[string]string{"KAFKA_BROKERS": cluster.ListenAddrs()[0]}
	o, err := parseOptions([]string{"-hasty", "-disconnects", "60", "-faults", "5", "-clients", "8", "-replicas", "2", "-partitions", "2", "-md", md}, t.Output())
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), o, func(name string) string { return env[name] }, &out), &out)
	t.Log(out.String())
	report, err := os.ReadFile(md)
	require.NoError(t, err)
	require.Contains(t, string(report), "| **lost without a gap** | **0** |")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)

	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics.Names())
}
