package dialect

import (
	"context"
	"fmt"
	"slices"

	"sluice/internal/kafka"
)

// rest2Metadata are the endpoints of version 2.
func rest2Metadata() []endpoint {
	return []endpoint{
		{"listTopics", "/topics", "List topics", rest2Media, query.listTopics, []string{}},
		{"getTopic", "/topics/{topic}", "Describe a topic", rest2Media, query.getTopic, rest2TopicInfo{}},
		{"listPartitions", "/topics/{topic}/partitions", "List a topic's partitions", rest2Media, query.listPartitions, []rest2PartitionInfo{}},
		{"getPartition", "/topics/{topic}/partitions/{partition}", "Describe a partition", rest2Media, query.getPartition, rest2PartitionInfo{}},
		{"getOffsets", "/topics/{topic}/partitions/{partition}/offsets", "Tell a partition's first offset and its next one", rest2Media, query.getOffsets, rest2Offsets{}},
		{"listBrokers", "/brokers", "List brokers", rest2Media, query.listBrokers, rest2Brokers{}},
	}
}

// The answers.
type (
	rest2TopicInfo struct {
		Name       string               `json:"name"`
		Configs    map[string]*string   `json:"configs" doc:"The topic's settings; null where a value is secret. Empty where Kafka does not let this service read them."`
		Partitions []rest2PartitionInfo `json:"partitions"`
	}
	rest2PartitionInfo struct {
		Partition int32              `json:"partition"`
		Leader    int32              `json:"leader" doc:"The leader's broker id; -1 where there is none."`
		Replicas  []rest2ReplicaInfo `json:"replicas"`
	}
	rest2ReplicaInfo struct {
		Broker int32 `json:"broker"`
		Leader bool  `json:"leader"`
		InSync bool  `json:"in_sync"`
	}
	rest2Offsets struct {
		Beginning int64 `json:"beginning_offset" doc:"The first offset that can be read."`
		End       int64 `json:"end_offset" doc:"The offset that the next record will have."`
	}
	rest2Brokers struct {
		Brokers []int32 `json:"brokers"`
	}
)

func (q query) listTopics() (any, *rest2Error) {
	topics, refused := q.visibleTopics()
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = topic.Name
	}
	return names, refused
}

func (q query) getTopic() (any, *rest2Error) {
	topic, refused := q.namedTopic()
	if refused != nil {
		return nil, refused
	}
	return rest2TopicInfo{topic.Name, topic.Configs, partitionInfos(topic)}, nil
}

func (q query) listPartitions() (any, *rest2Error) {
	topic, refused := q.namedTopic()
	if refused != nil {
		return nil, refused
	}
	return partitionInfos(topic), nil
}

func (q query) getPartition() (any, *rest2Error) {
	_, partition, refused := q.namedPartition()
	return partitionInfo(partition), refused
}

// getOffsets does not answer from memory, as the other endpoints do: who has
// just written a record must find it counted. Kafka is still asked only once
// at a time for a partition.
func (q query) getOffsets() (any, *rest2Error) {
	topic, partition, refused := q.namedPartition()
	if refused != nil {
		return nil, refused
	}
	key := fmt.Sprintf("%s/%d", topic.Name, partition.ID)
	return ask(q, &q.offsets, key, func(c *kafka.Control, ctx context.Context) (rest2Offsets, error) {
		first, next, err := c.Offsets(ctx, topic.Name, partition.ID)
		return rest2Offsets{first, next}, err
	})
}

func (q query) listBrokers() (any, *rest2Error) {
	cluster, refused := q.knownCluster()
	if refused != nil {
		return nil, refused
	}
	return rest2Brokers{cluster.Brokers}, nil
}

func partitionInfos(topic *kafka.TopicDescription) []rest2PartitionInfo {
	infos := make([]rest2PartitionInfo, len(topic.Partitions))
	for i, p := range topic.Partitions {
		infos[i] = partitionInfo(p)
	}
	return infos
}

func partitionInfo(p kafka.PartitionDescription) rest2PartitionInfo {
	info := rest2PartitionInfo{Partition: p.ID, Leader: p.Leader, Replicas: make([]rest2ReplicaInfo, len(p.Replicas))}
	for i, broker := range p.Replicas {
		info.Replicas[i] = rest2ReplicaInfo{broker, broker == p.Leader, slices.Contains(p.InSync, broker)}
	}
	return info
}
