package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/record"
)

// lookupTimeout bounds a question about a topic.
const lookupTimeout = 5 * time.Second

// layout is where the partitions of a topic are.
type layout struct {
	id      record.TopicID
	leaders []int32 // by partition; -1 where there is none now
}

// errNoTopic means that the cluster has answered and has no such topic.
var errNoTopic = errors.New("no such topic")

// lookup asks the cluster about a topic. The client's memory of it would not
// show a change of the last seconds.
func lookup(ctx context.Context, client *kgo.Client, topic string) (layout, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return layout{}, err
	}
	if len(resp.Topics) != 1 {
		return layout{}, fmt.Errorf("metadata of %d topics instead of 1", len(resp.Topics))
	}
	found := &resp.Topics[0]
	switch err := kerr.ErrorForCode(found.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition), err == nil && len(found.Partitions) == 0:
		return layout{}, errNoTopic
	case err != nil && !errors.Is(err, kerr.LeaderNotAvailable):
		return layout{}, err
	}
	l := layout{id: found.TopicID, leaders: make([]int32, len(found.Partitions))}
	for i := range l.leaders {
		l.leaders[i] = -1
	}
	for _, p := range found.Partitions {
		if int(p.Partition) < len(l.leaders) && p.Partition >= 0 {
			l.leaders[p.Partition] = p.Leader
		}
	}
	return l, nil
}

// The times that Kafka takes for the ends of a log.
const (
	atEnd   = -1
	atStart = -2
)

// offsets asks for the offset of a time, in milliseconds since 1970, in each of
// the partitions that are named: that of the first record at or behind it, or
// -1 where there is none. With committed, the end is the last stable offset.
func offsets(ctx context.Context, client *kgo.Client, topic string, partitions []int32, millis int64, committed bool) (map[int32]int64, error) {
	if len(partitions) == 0 {
		return map[int32]int64{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if committed {
		req.IsolationLevel = 1
	}
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for _, partition := range partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = partition, millis
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	found := make(map[int32]int64, len(partitions))
	for _, shard := range client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		resp, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if !ok {
			return nil, fmt.Errorf("a question for offsets is answered with a %T", shard.Resp)
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("partition %d: %w", p.Partition, err)
				}
				found[p.Partition] = p.Offset
			}
		}
	}
	for _, partition := range partitions {
		if _, ok := found[partition]; !ok {
			return nil, fmt.Errorf("partition %d: no answer", partition)
		}
	}
	return found, nil
}

// all returns the numbers of the partitions.
func (l layout) all() []int32 {
	numbers := make([]int32, len(l.leaders))
	for i := range numbers {
		numbers[i] = int32(i)
	}
	return numbers
}
