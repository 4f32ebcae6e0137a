package member

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

// bareOptions are the settings of the group's client where they decide over
// speed; a test compares them.
func bareOptions(spec Spec) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(spec.Group),
		kgo.ConsumeTopics(spec.Topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.AutoCommitInterval(time.Second), // What the group does by itself.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(8 << 20),
		kgo.FetchMaxPartitionBytes(512 << 10),
		kgo.FetchMaxWait(100 * time.Millisecond),
	}
}

// bare is the loop that one writes with franz-go alone: a record is handled
// where it was polled, one after the other, and what was polled before is
// committed every second.
func bare(ctx context.Context, spec Spec, t task, log *slog.Logger) error {
	opts, err := kafka.Config{Brokers: spec.Brokers}.Options(log)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, bareOptions(spec)...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := bareLoop(ctx, client, t); err != nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := client.CommitUncommittedOffsets(last); err != nil {
		return fmt.Errorf("commit at the end: %w", err)
	}
	return nil
}

// bareLoop polls and handles until ctx ends.
func bareLoop(ctx context.Context, client *kgo.Client, t task) error {
	work := context.WithoutCancel(ctx) // What was begun is finished.
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		var failed error
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				failed = errors.Join(failed, fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
			}
		})
		if failed != nil {
			return failed
		}
		for records := fetches.RecordIter(); !records.Done(); {
			r := records.Next()
			if err := t.take(work, r.Partition, r.Offset, r.Value); err != nil {
				return err
			}
		}
	}
	return nil
}
