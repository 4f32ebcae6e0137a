//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"sluice/test/harm"
)

// strikeAll does what was planned, and goes on until there were enough
// disconnects, as long as there is time.
func (k *checker) strikeAll(ctx context.Context) error {
	kinds := everyKind
	switch {
	case k.hasty && k.kafka.Spared():
		kinds = gentle
	case k.hasty:
		kinds = append(slices.Clone(gentle), killBroker, freezeBroker)
	case k.kafka.Spared():
		kinds = append(slices.Clone(gentle), openTransaction)
	}
	for i, f := range newPlan(k.seed, k.faults, k.replicas, kinds, k.hasty) {
		if k.clock.Passed() > k.most {
			return fmt.Errorf("only %d of %d faults fit into %s: raise -max", i, k.faults, k.most)
		}
		harm.Sleep(ctx, f.pause)
		k.say("%3d/%d %s; %d disconnects", i+1, k.faults, f, k.cuts.Load())
		if err := k.strike(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		k.struck[f.kind]++
		if ctx.Err() != nil {
			return fmt.Errorf("broken off: %w", context.Cause(ctx))
		}
	}
	for k.cuts.Load() < int64(k.disconnects) && k.clock.Passed() < k.most {
		if !harm.Sleep(ctx, 20*time.Millisecond) {
			return fmt.Errorf("broken off: %w", context.Cause(ctx))
		}
	}
	return nil
}

// strike does a fault, and returns when it is over and everybody is there
// again. When ctx ends it is over sooner.
func (k *checker) strike(ctx context.Context, f fault) error {
	p := k.fleet.of(f.replica)
	switch f.kind {
	case killReplica:
		p.Kill()
		harm.Sleep(ctx, f.lasts)
		return k.fleet.start(f.replica)
	case stopReplica:
		p.Stop()
		harm.Sleep(ctx, f.lasts)
		return k.fleet.start(f.replica)
	case freezeReplica:
		p.FreezeFor(ctx, f.lasts)
	case addPartitions:
		return k.addPartitions(ctx)
	case deleteRecords:
		return k.deleteRecords(ctx)
	case openTransaction:
		k.writer.stall(ctx, f.lasts)
	case killBroker:
		return k.kafka.KillFor(ctx, f.lasts)
	case freezeBroker:
		return k.kafka.FreezeFor(ctx, f.lasts)
	}
	return nil
}

func (k *checker) addPartitions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	topic := k.topics[k.added%len(k.topics)]
	answer, err := k.admin.CreatePartitions(ctx, 1, topic)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return fmt.Errorf("add a partition: %w", err)
	}
	k.added++
	return nil
}

// spared is how many of a partition's latest records are not deleted. Nothing
// is deleted of partitions that were added: one that a cursor does not know
// begins where its log begins, which is no gap.
const spared = 20

// deleteRecords has Kafka delete all but the latest records of each partition,
// below the positions of those who are away.
func (k *checker) deleteRecords(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	ends, err := k.admin.ListCommittedOffsets(ctx, k.topics...)
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	offsets := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Offset > 2*spared && o.Partition < int32(k.partitions) {
			below := o.Offset - spared
			offsets.AddOffset(o.Topic, o.Partition, below, -1)
			k.deletions = append(k.deletions, deletion{k.clock.Passed(), o.Topic, o.Partition, below})
		}
	})
	for {
		answer, err := k.admin.DeleteRecords(ctx, offsets)
		if err == nil {
			err = answer.Error()
		}
		if err == nil {
			return nil
		}
		// A broker that has just come back may not lead yet.
		if !harm.Sleep(ctx, 250*time.Millisecond) {
			return fmt.Errorf("delete records: %w", err)
		}
	}
}
