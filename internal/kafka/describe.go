package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ClusterDescription says what the cluster is made of.
type ClusterDescription struct {
	ID      string
	Brokers []int32 // sorted
}

// TopicDescription is what a topic is made of, for people and their tools.
type TopicDescription struct {
	Name string
	// Internal topics belong to Kafka, or to what runs on it: their names
	// begin with two underscores, or the cluster says so.
	Internal   bool
	Partitions []PartitionDescription // sorted
	// Configs are the topic's settings, with nil for a value that is secret.
	// It is empty where Kafka does not let us read them, and where nobody
	// asked.
	Configs map[string]*string
}

// PartitionDescription says which brokers have a partition.
type PartitionDescription struct {
	ID       int32
	Leader   int32 // -1 where there is none
	Replicas []int32
	InSync   []int32
}

// DescribeCluster asks for the cluster's brokers. Its errors are the
// cluster's own (a *kerr.Error) and ErrAway.
func (c *Control) DescribeCluster(ctx context.Context) (*ClusterDescription, error) {
	answer, err := metadata(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	d := &ClusterDescription{}
	if answer.ClusterID != nil {
		d.ID = *answer.ClusterID
	}
	for _, broker := range answer.Brokers {
		d.Brokers = append(d.Brokers, broker.NodeID)
	}
	slices.Sort(d.Brokers)
	return d, nil
}

// DescribeTopics asks for all topics that Kafka lets us see, sorted by name
// and without their settings. Its errors are those of DescribeCluster.
func (c *Control) DescribeTopics(ctx context.Context) ([]*TopicDescription, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // All of them.
	answer, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	topics := make([]*TopicDescription, 0, len(answer.Topics))
	for i := range answer.Topics {
		// One that is being deleted or made has an error and no partitions.
		if topic := &answer.Topics[i]; topic.Topic != nil && len(topic.Partitions) > 0 {
			topics = append(topics, describeTopic(topic))
		}
	}
	slices.SortFunc(topics, func(a, b *TopicDescription) int { return strings.Compare(a.Name, b.Name) })
	return topics, nil
}

// DescribeTopic asks for a topic and its settings. The error is
// ErrUnknownTopic when there is no such topic, else one of DescribeCluster's.
func (c *Control) DescribeTopic(ctx context.Context, name string) (*TopicDescription, error) {
	type result struct {
		configs map[string]*string
		err     error
	}
	configured := make(chan result, 1)
	go func() { // Ends with ctx.
		configs, err := c.describeConfigs(ctx, name)
		configured <- result{configs, err}
	}()
	answer, err := metadata(ctx, c.client, name)
	config := <-configured
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if len(answer.Topics) != 1 {
		return nil, fmt.Errorf("%w: metadata of %d topics instead of 1", ErrAway, len(answer.Topics))
	}
	topic := &answer.Topics[0]
	topic.Topic = &name
	failure := kerr.ErrorForCode(topic.ErrorCode)
	switch {
	case errors.Is(failure, kerr.UnknownTopicOrPartition), len(topic.Partitions) == 0 && failure == nil:
		return nil, fmt.Errorf("%w %q", ErrUnknownTopic, name)
	case failure != nil && len(topic.Partitions) == 0:
		return nil, fmt.Errorf("topic %s: %w", name, failure)
	case config.err != nil:
		return nil, config.err
	}
	d := describeTopic(topic)
	d.Configs = config.configs
	return d, nil
}

func describeTopic(topic *kmsg.MetadataResponseTopic) *TopicDescription {
	d := &TopicDescription{
		Name:       *topic.Topic,
		Internal:   topic.IsInternal || strings.HasPrefix(*topic.Topic, "__"),
		Partitions: make([]PartitionDescription, len(topic.Partitions)),
	}
	for i := range topic.Partitions {
		p := &topic.Partitions[i]
		d.Partitions[i] = PartitionDescription{ID: p.Partition, Leader: p.Leader, Replicas: p.Replicas, InSync: p.ISR}
	}
	slices.SortFunc(d.Partitions, func(a, b PartitionDescription) int { return cmp.Compare(a.ID, b.ID) })
	return d
}

// describeConfigs asks for a topic's settings. None is no error: Kafka may not
// let us read them.
func (c *Control) describeConfigs(ctx context.Context, topic string) (map[string]*string, error) {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType = kmsg.ConfigResourceTypeTopic
	resource.ResourceName = topic
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = append(req.Resources, resource)
	answer, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	configs := map[string]*string{}
	for _, resource := range answer.Resources {
		for _, config := range resource.Configs {
			configs[config.Name] = config.Value
			if config.IsSensitive {
				configs[config.Name] = nil
			}
		}
	}
	return configs, nil
}

// Offsets asks for the first offset of a partition that can be read, and for
// the one that the next record will have. The errors are those of
// DescribeTopic, and ErrAway for a partition without a leader.
func (c *Control) Offsets(ctx context.Context, topic string, partition int32) (first, next int64, err error) {
	const earliest, latest = -2, -1
	type result struct {
		offset int64
		err    error
	}
	answered := make(chan result, 1)
	go func() { // Ends with ctx.
		offset, err := c.offset(ctx, topic, partition, earliest)
		answered <- result{offset, err}
	}()
	next, err = c.offset(ctx, topic, partition, latest)
	earlier := <-answered
	return earlier.offset, next, errors.Join(err, earlier.err)
}

func (c *Control) offset(ctx context.Context, topic string, partition int32, at int64) (int64, error) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, at
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	req.Topics = append(req.Topics, t)
	answer, err := req.RequestWith(ctx, c.client)
	offset := int64(-1)
	switch {
	case err != nil: // The client's own errors are codes, too.
	case len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1:
		err = errors.New("no offset in the answer")
	default:
		offset, err = answer.Topics[0].Partitions[0].Offset, kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	code, isCode := errors.AsType[*kerr.Error](err)
	switch {
	case err == nil:
		return offset, nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return 0, fmt.Errorf("%w %q, or partition %d of it", ErrUnknownTopic, topic, partition)
	case isCode && !code.Retriable:
		return 0, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	return 0, fmt.Errorf("%w: %w", ErrAway, err)
}
