package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Partitions of a topic that is created without a number of its own.
const Partitions = 4

// CreateTopics creates those of the topics that are missing; see CreateTopics.
func (c *Control) CreateTopics(ctx context.Context, partitions int32, names ...string) error {
	return CreateTopics(ctx, c.admin, partitions, nil, names...)
}

// CreateTopics creates those of the topics that are missing: 4 partitions (or
// the number given, where positive), replication min(3, brokers) and
// min.insync.replicas max(1, replication − 1), so that one broker may be lost
// without refusing writes. The settings come on top. A topic that is there is
// left as it is.
func CreateTopics(ctx context.Context, admin *kadm.Client, partitions int32, settings map[string]string, names ...string) error {
	cluster, err := admin.Metadata(ctx, names...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var missing []string
	for _, t := range cluster.Topics {
		if errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, t.Topic)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if partitions <= 0 {
		partitions = Partitions
	}
	replication := max(1, min(3, len(cluster.Brokers)))
	configs := map[string]*string{"min.insync.replicas": new(strconv.Itoa(max(1, replication-1)))}
	for key, value := range settings {
		configs[key] = &value
	}
	answers, err := admin.CreateTopics(ctx, partitions, int16(replication), configs, missing...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, a := range answers {
		if a.Err != nil && !errors.Is(a.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w %s", a.Topic, a.Err, a.ErrMessage)
		}
	}
	return nil
}
