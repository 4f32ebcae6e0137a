package main

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"sluice/bench/internal/cluster"
)

func openTestCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	c, err := cluster.Open(t.Context(), nil, func() (*cluster.Broker, error) { return cluster.Launch(dir, self) })
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(io.Discard) })
	return c
}

func TestFilledTopics(t *testing.T) {
	c := openTestCluster(t)
	topic, err := c.CreateTopic(t.Context(), "filled")
	require.NoError(t, err)
	require.NoError(t, fill(t.Context(), c, topic, 4*workKeys, workKeys))
	ends, err := c.Ends(t.Context(), topic)
	require.NoError(t, err)
	require.Equal(t, map[int32]int64{0: workKeys, 1: workKeys, 2: workKeys, 3: workKeys}, ends, "each key equally often")
}

func TestCommitsThatAreMissing(t *testing.T) {
	c := openTestCluster(t)
	topic, err := c.CreateTopic(t.Context(), "commits")
	require.NoError(t, err)
	require.NoError(t, fill(t.Context(), c, topic, workKeys, workKeys))
	group := c.NewGroup()
	require.ErrorContains(t, verifyCommits(t.Context(), c, group, topic), "has committed map[0:0")

	commit := func(end3 int64) {
		var offsets kadm.Offsets
		for p := range int32(cluster.Partitions - 1) {
			offsets.AddOffset(topic, p, workKeys/cluster.Partitions, -1)
		}
		offsets.AddOffset(topic, cluster.Partitions-1, end3, -1)
		require.NoError(t, c.Admin.CommitAllOffsets(t.Context(), group, offsets))
	}
	commit(workKeys/cluster.Partitions - 1)
	require.ErrorContains(t, verifyCommits(t.Context(), c, group, topic), "3:24")
	commit(workKeys / cluster.Partitions)
	require.NoError(t, verifyCommits(t.Context(), c, group, topic))
}
