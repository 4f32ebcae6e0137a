package cluster_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/goleak"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
)

// TestMain is also the broker that the tests start, when the test's binary is
// called as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == cluster.RoleBroker {
		process.Main(func(ctx context.Context, args []string) error {
			return cluster.Serve(ctx, args[1], os.Stdout, os.Stderr)
		})
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T) *cluster.Cluster {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	c, err := cluster.Open(t.Context(), nil, func() (*cluster.Broker, error) { return cluster.Launch(dir, self) })
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(t.Output()) })
	return c
}

func TestATopicCanBeUsedAtOnce(t *testing.T) {
	c := open(t)
	require.Contains(t, c.Version, "embedded")
	first, err := c.CreateTopic(t.Context(), "Some name")
	require.NoError(t, err)
	require.Contains(t, first, "-000--ome-name")
	second, err := c.CreateTopic(t.Context(), "Some name")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	ends, err := c.Ends(t.Context(), second)
	require.NoError(t, err)
	require.Equal(t, map[int32]int64{0: 0, 1: 0, 2: 0, 3: 0}, ends)
	_, err = c.Ends(t.Context(), "nobody's")
	require.ErrorContains(t, err, "nobody's")
}

func TestWhatWasMadeIsDeleted(t *testing.T) {
	broker := open(t)
	c, err := cluster.Open(t.Context(), broker.Brokers, nil)
	require.NoError(t, err)
	require.Contains(t, c.Version, "brokers: 1")
	topic, err := c.CreateTopic(t.Context(), "gone")
	require.NoError(t, err)
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 0, -1)
	require.NoError(t, c.Admin.CommitAllOffsets(t.Context(), c.NewGroup(), offsets))
	c.NewGroup() // One that never began.
	c.Close(t.Output())

	topics, err := broker.Admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics.Names())
	groups, err := broker.Admin.ListGroups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups.Groups())
}

func TestNoKafka(t *testing.T) {
	none := errors.New("no broker")
	_, err := cluster.Open(t.Context(), nil, func() (*cluster.Broker, error) { return nil, none })
	require.ErrorIs(t, err, none)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = cluster.Open(ctx, []string{"127.0.0.1:1"}, nil)
	require.ErrorContains(t, err, "connect to Kafka at 127.0.0.1:1")
}
