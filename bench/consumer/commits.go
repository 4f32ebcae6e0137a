package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/bench/internal/cluster"
)

// verifyCommits compares what a group has committed with the ends of its
// topic. A partition without records needs no commit.
func verifyCommits(ctx context.Context, c *cluster.Cluster, group, topic string) error {
	ends, err := c.Ends(ctx, topic)
	if err != nil {
		return err
	}
	fetched, err := c.Admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // That one has committed nothing.
		return fmt.Errorf("fetch the offsets of %s: %w", group, err)
	}
	committed := map[int32]int64{}
	for p := range ends {
		o, ok := fetched.Lookup(topic, p)
		if ok && o.Err != nil {
			return fmt.Errorf("fetch the offset of %s in %s/%d: %w", group, topic, p, o.Err)
		}
		committed[p] = max(o.At, 0)
	}
	if !maps.Equal(committed, ends) {
		return fmt.Errorf("group %s has committed %v, and the topic ends at %v", group, committed, ends)
	}
	return nil
}
