package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/internal/kafka"
	"sluice/record"
)

// table is the compacted topic in which the states of a Stateful are.
type table struct {
	group *Group
	name  string
}

// read hands over the committed records of a partition of the table, up to where
// its log ends now. A transaction that is still open holds it up: nobody knows
// yet whether what it has written counts.
//
// It is called when the group has said where the partition's records go on. A
// transaction that has moved that place is decided by then, but its end may not
// have come to the table yet; therefore the end is that of all records, and not
// of those that are known to be committed.
func (t *table) read(ctx context.Context, id int32, take func(*record.Record) error) error {
	found, err := t.find(ctx, id)
	if err != nil {
		return err
	}
	next, end, err := t.bounds(ctx, id)
	if err != nil {
		return err
	}
	for next < end {
		places := []kafka.Place{{Partition: id, Next: next}}
		got, err := kafka.Fetch(ctx, t.group.client, t.name, record.TopicID(found.ID), found.Partitions[id].Leader, places, fetchMaxWait)
		switch {
		case err != nil:
			return err
		case len(got) != 1:
			return errors.New("no answer to a fetch")
		case got[0].Err != nil:
			return got[0].Err
		}
		for _, r := range got[0].Records {
			v := view(r, record.TopicID(found.ID))
			if err := take(&v); err != nil {
				return fmt.Errorf("offset %d: %w", r.Offset, err)
			}
		}
		next = got[0].Next
	}
	return nil
}

// find returns the table, which must have the partition.
func (t *table) find(ctx context.Context, id int32) (kadm.TopicDetail, error) {
	topic := t.group.config.Topics[0]
	details, err := t.group.admin.ListTopicsWithInternal(ctx, topic, t.name)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	found := details[t.name]
	switch {
	case errors.Is(found.Err, kerr.UnknownTopicOrPartition):
		return found, t.create(ctx, len(details[topic].Partitions))
	case found.Err != nil:
		return found, found.Err
	case int(id) >= len(found.Partitions):
		return found, fmt.Errorf("it has %d partitions, and %s has got more: the states of keys whose records go to another partition now are where they were. "+
			"Move them, or add partitions to the table where the handler can do without", len(found.Partitions), topic)
	case found.Partitions[id].Leader < 0:
		return found, kerr.LeaderNotAvailable
	}
	return found, t.compacted(ctx)
}

// errCreated has the table looked at once more, because not every broker may
// know it yet.
var errCreated = errors.New("it was created just now")

func (t *table) create(ctx context.Context, partitions int) error {
	if !t.group.deps.Create {
		return fmt.Errorf("it is missing, and topics are not created here: create it with %d partitions and cleanup.policy=compact", partitions)
	}
	if partitions == 0 {
		return fmt.Errorf("topic %s: %w", t.group.config.Topics[0], kerr.UnknownTopicOrPartition)
	}
	settings := map[string]string{"cleanup.policy": "compact"}
	if err := kafka.CreateTopics(ctx, t.group.admin, int32(partitions), settings, t.name); err != nil { //nolint:gosec // G115: a count of partitions fits.
		return err
	}
	return errCreated
}

// compacted is nil unless Kafka is known to delete records of the table for
// their age.
func (t *table) compacted(ctx context.Context) error {
	configs, err := t.group.admin.DescribeTopicConfigs(ctx, t.name)
	if err != nil || len(configs) != 1 || configs[0].Err != nil {
		return nil //nolint:nilerr // A group may read a topic without the right to see its settings.
	}
	for _, c := range configs[0].Configs {
		if v := c.MaybeValue(); c.Key == "cleanup.policy" && v != "compact" {
			return fmt.Errorf("its cleanup.policy is %q, with which Kafka deletes states: set it to compact", strings.ToValidUTF8(v, "?"))
		}
	}
	return nil
}

// bounds returns the first offset of a partition of the table, and the one
// behind all that was written to it.
func (t *table) bounds(ctx context.Context, id int32) (start, end int64, err error) {
	starts, err := t.group.admin.ListStartOffsets(ctx, t.name)
	if err != nil {
		return 0, 0, err
	}
	ends, err := t.group.admin.ListEndOffsets(ctx, t.name)
	if err != nil {
		return 0, 0, err
	}
	first, ok := starts.Lookup(t.name, id)
	last, also := ends.Lookup(t.name, id)
	switch {
	case !ok || !also:
		return 0, 0, kerr.UnknownTopicOrPartition
	case first.Err != nil:
		return 0, 0, first.Err
	case last.Err != nil:
		return 0, 0, last.Err
	case first.Offset > 0: // Compaction leaves the start where it is.
		return 0, 0, fmt.Errorf("its records below offset %d were deleted, and with them states", first.Offset)
	}
	return first.Offset, last.Offset, nil
}
