package redrive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/record"
)

// cluster asks Kafka what the administration client would answer from memory,
// or for all partitions at once. Every question ends within patience, or when
// its context does; one that nobody answers is kafka.ErrAway.
//
// It is used by one goroutine at a time.
type cluster struct {
	client   *kgo.Client
	patience time.Duration
	leaders  map[leaderOf]*kgo.Broker // as they were last
}

type leaderOf struct {
	topic     string
	partition int32
}

// newCluster asks with the patience of somebody who waits for an answer.
func newCluster(client *kgo.Client) *cluster {
	return &cluster{client, askPatience, map[leaderOf]*kgo.Broker{}}
}

// topic is a topic as it was when it was looked up.
type topic struct {
	name       string
	id         record.TopicID
	partitions int
}

// topics returns all topics that Kafka lets us see, and how many brokers there
// are.
func (c *cluster) topics(ctx context.Context) (map[string]*topic, int, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // All of them.
	answer, err := c.metadata(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	topics := make(map[string]*topic, len(answer.Topics))
	for i := range answer.Topics {
		// One that is being deleted or made has an error and no partitions.
		if t := &answer.Topics[i]; t.Topic != nil && len(t.Partitions) > 0 {
			topics[*t.Topic] = &topic{name: *t.Topic, id: t.TopicID, partitions: len(t.Partitions)}
		}
	}
	return topics, len(answer.Brokers), nil
}

func (c *cluster) metadata(ctx context.Context, req *kmsg.MetadataRequest) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	answer, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kafka.ErrAway, err)
	}
	return answer, nil
}

// leader returns who has a partition. It fails for good when the topic is not
// the one that it was.
func (c *cluster) leader(ctx context.Context, t *topic, partition int32) (*kgo.Broker, error) {
	if known := c.leaders[leaderOf{t.name, partition}]; known != nil {
		return known, nil
	}
	req := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &t.name
	req.Topics = append(req.Topics, one)
	answer, err := c.metadata(ctx, req)
	if err != nil {
		return nil, err
	}
	for _, found := range answer.Topics {
		failure := kerr.ErrorForCode(found.ErrorCode)
		switch {
		case errors.Is(failure, kerr.UnknownTopicOrPartition), failure == nil && found.TopicID != t.id:
			return nil, fmt.Errorf("topic %s %w", t.name, errReplaced)
		case failure != nil:
			return nil, fmt.Errorf("topic %s: %w", t.name, failure)
		}
		for _, p := range found.Partitions {
			if p.Partition == partition && p.Leader >= 0 {
				leader := c.client.Broker(int(p.Leader))
				c.leaders[leaderOf{t.name, partition}] = leader
				return leader, nil
			}
		}
	}
	return nil, fmt.Errorf("partition %d of %s: %w", partition, t.name, kerr.LeaderNotAvailable)
}

// onLeader asks the leader of a partition, again where it has moved or does
// not answer, until there is an answer, a refusal that time does not mend, or
// no patience left.
func (c *cluster) onLeader(ctx context.Context, t *topic, partition int32, ask func(context.Context, *kgo.Broker) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for tries := 1; ; tries++ {
		leader, err := c.leader(ctx, t, partition)
		if err == nil {
			err = ask(ctx, leader)
		}
		if err == nil {
			return nil
		}
		delete(c.leaders, leaderOf{t.name, partition})
		code, refused := errors.AsType[*kerr.Error](err)
		switch {
		case errors.Is(err, errReplaced):
			return err
		case refused && !code.Retriable:
			return fmt.Errorf("partition %d of %s: %w", partition, t.name, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: partition %d of %s: %w", kafka.ErrAway, partition, t.name, err)
		case <-time.After(kafka.Backoff(tries)):
		}
	}
}

// isolation says which records count.
type isolation int8

const (
	everything isolation = 0
	committed  isolation = 1
)

// The offsets that can be asked for.
const (
	latest   = -1
	earliest = -2
)

// offset asks for the first or the next offset of a partition; with committed,
// next is behind the last record whose transaction has ended, and everything
// before it.
func (c *cluster) offset(ctx context.Context, t *topic, partition int32, at int64, level isolation) (offset int64, err error) {
	err = c.onLeader(ctx, t, partition, func(ctx context.Context, leader *kgo.Broker) error {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = partition, at
		one := kmsg.NewListOffsetsRequestTopic()
		one.Topic = t.name
		one.Partitions = append(one.Partitions, p)
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.IsolationLevel = -1, int8(level)
		req.Topics = append(req.Topics, one)
		answer, err := leader.RetriableRequest(ctx, req)
		if err != nil {
			return err
		}
		topics := answer.(*kmsg.ListOffsetsResponse).Topics
		if len(topics) != 1 || len(topics[0].Partitions) != 1 {
			return errors.New("no offset in the answer")
		}
		offset = topics[0].Partitions[0].Offset
		return kerr.ErrorForCode(topics[0].Partitions[0].ErrorCode)
	})
	return offset, err
}

// span is a part of a partition: from is in it, to is not.
type span struct{ from, to int64 }

func (s span) has(offset int64) bool { return s.from <= offset && offset < s.to }

// spans returns what there is in each partition now.
func (c *cluster) spans(ctx context.Context, t *topic, level isolation) ([]span, error) {
	all := make([]span, t.partitions)
	for i := range all {
		partition := int32(i)
		from, err := c.offset(ctx, t, partition, earliest, level)
		if err != nil {
			return nil, err
		}
		to, err := c.offset(ctx, t, partition, latest, level)
		if err != nil {
			return nil, err
		}
		all[i] = span{from, max(from, to)}
	}
	return all, nil
}

// source is a topic of which a group has dead letters, with the topics that
// belong to it; nil is one that does not exist.
type source struct {
	name                         string
	origin, dlq, retry, redrives *topic
	maxBatch                     int // bytes of letters in a transaction
}

// sources finds the dead letters of a group in a list of topics, sorted by
// name; only is a topic's name, or empty for all.
func sources(topics map[string]*topic, group, only string) ([]*source, error) {
	var found []*source
	suffix := deadletter.Topic("", group)
	for name, dlq := range topics {
		origin, ok := strings.CutSuffix(name, suffix)
		if !ok || origin == "" || only != "" && origin != only {
			continue
		}
		found = append(found, &source{
			name: origin, dlq: dlq, origin: topics[origin],
			retry: topics[deadletter.Retry(origin, group)], redrives: topics[deadletter.Redrives(origin, group)],
		})
	}
	slices.SortFunc(found, func(a, b *source) int { return strings.Compare(a.name, b.name) })
	switch {
	case len(found) > 0:
		return found, nil
	case only != "":
		return nil, fmt.Errorf("%w of topic %s and group %s: there is no topic %s, or Kafka does not let this service see it",
			ErrNoLetters, only, group, deadletter.Topic(only, group))
	}
	return nil, fmt.Errorf("%w of group %s: there is no topic whose name ends in %s, or Kafka does not let this service see it",
		ErrNoLetters, group, suffix)
}
