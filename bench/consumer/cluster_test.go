package main

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

func openTestCluster(t *testing.T) *cluster {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c, err := openCluster(t.Context(), options{}, t.TempDir(), self)
	require.NoError(t, err)
	t.Cleanup(func() { c.close(io.Discard) })
	return c
}

func TestFilledTopics(t *testing.T) {
	c := openTestCluster(t)
	topic, err := c.createTopic(t.Context(), "filled")
	require.NoError(t, err)
	require.NoError(t, c.fill(t.Context(), topic, 4*workKeys, workKeys))
	ends, err := c.ends(t.Context(), topic)
	require.NoError(t, err)
	require.Equal(t, map[int32]int64{0: workKeys, 1: workKeys, 2: workKeys, 3: workKeys}, ends, "each key equally often")
}

func TestCommitsThatAreMissing(t *testing.T) {
	c := openTestCluster(t)
	topic, err := c.createTopic(t.Context(), "commits")
	require.NoError(t, err)
	require.NoError(t, c.fill(t.Context(), topic, workKeys, workKeys))
	group := c.newGroup()
	require.ErrorContains(t, c.verifyCommits(t.Context(), group, topic), "has committed map[0:0")

	commit := func(end3 int64) {
		var offsets kadm.Offsets
		for p := range int32(partitions - 1) {
			offsets.AddOffset(topic, p, workKeys/partitions, -1)
		}
		offsets.AddOffset(topic, partitions-1, end3, -1)
		require.NoError(t, c.admin.CommitAllOffsets(t.Context(), group, offsets))
	}
	commit(workKeys/partitions - 1)
	require.ErrorContains(t, c.verifyCommits(t.Context(), group, topic), "3:24")
	commit(workKeys / partitions)
	require.NoError(t, c.verifyCommits(t.Context(), group, topic))
}

func TestWhatWasMadeIsDeleted(t *testing.T) {
	broker := openTestCluster(t)
	c, err := openCluster(t.Context(), options{brokers: broker.brokers}, t.TempDir(), "")
	require.NoError(t, err)
	topic, err := c.createTopic(t.Context(), "gone")
	require.NoError(t, err)
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 0, -1)
	require.NoError(t, c.admin.CommitAllOffsets(t.Context(), c.newGroup(), offsets))
	c.newGroup() // One that never began.
	c.close(t.Output())

	topics, err := broker.admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics.Names())
	groups, err := broker.admin.ListGroups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups.Groups())
}
