//go:build unix

package exampletest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cleanUp deletes the topics and groups of a run from a Kafka that is there for
// longer.
func cleanUp(t *testing.T, brokers, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), spare)
	defer cancel()
	admin := connect(t, brokers)
	defer admin.Close()
	topics, err := admin.ListTopics(ctx)
	require.NoError(t, err)
	var names []string
	for name := range topics {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	_, err = admin.DeleteTopics(ctx, names...)
	require.NoError(t, err)
	mine, err := groups(ctx, admin, prefix)
	require.NoError(t, err)
	if len(mine) == 0 {
		return
	}
	// A group has members until those that were killed have timed out.
	require.Eventually(t, func() bool {
		_, err := admin.DeleteGroups(ctx, mine...)
		if err != nil {
			return false
		}
		left, err := admin.ListGroups(ctx, "Stable", "PreparingRebalance", "CompletingRebalance", "Empty")
		if err != nil {
			return false
		}
		for _, name := range mine {
			if _, there := left[name]; there {
				return false
			}
		}
		return true
	}, spare, 500*time.Millisecond, "delete the groups of %s", prefix)
}

func connect(t *testing.T, brokers string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	require.NoError(t, err)
	return kadm.NewClient(client)
}

// groups returns the groups of a run that are in one of the states.
func groups(ctx context.Context, admin *kadm.Client, prefix string, states ...string) (names []string, err error) {
	listed, err := admin.ListGroups(ctx, states...)
	for name := range listed {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, err
}

// awaitRest waits until no group of a run is in a rebalance.
func awaitRest(t *testing.T, brokers, prefix string) {
	t.Helper()
	admin := connect(t, brokers)
	defer admin.Close()
	require.Eventually(t, func() bool {
		busy, err := groups(t.Context(), admin, prefix, "PreparingRebalance", "CompletingRebalance")
		return err == nil && len(busy) == 0
	}, spare, 20*time.Millisecond, "the groups of %s are at rest", prefix)
}
