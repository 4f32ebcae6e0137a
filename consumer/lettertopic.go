package consumer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

// letterRoom is what a batch of dead letters may have on top of the limit of
// the source topic: for our headers, and for another compression.
const letterRoom = 2 * letterBytes

var errNoSuchTopic = errors.New("the topic does not exist, and kafka.create does not let us create it")

// ensure makes the topic for the dead letters of another one, if it is not
// there: kept for ever, and with room for our headers.
func (m *mailbox) ensure() error {
	known, tried := m.isKnown()
	if known {
		return nil
	}
	ctx, cancel := context.WithTimeout(m.group.base, locateTimeout)
	defer cancel()
	if tried {
		m.mend(ctx)
		// The client would ask for one that was deleted and made again for ever.
		m.kafka().PurgeTopicsFromProducing(m.topic)
	}
	admin := kadm.NewClient(m.kafka())
	listed, err := admin.ListTopicsWithInternal(ctx, m.source, m.topic)
	if err != nil {
		return fmt.Errorf("look for topic %s: %w", m.topic, err)
	}
	if err := listed[m.topic].Err; err != nil {
		switch {
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("look for topic %s: %w", m.topic, err)
		case !m.group.deps.Create:
			return fmt.Errorf("topic %s: %w", m.topic, errNoSuchTopic)
		}
		if err := m.create(ctx, admin, len(listed[m.source].Partitions)); err != nil {
			return err
		}
	}
	m.know(true)
	return nil
}

func (m *mailbox) create(ctx context.Context, admin *kadm.Client, partitions int) error {
	settings := map[string]string{
		"cleanup.policy":    "delete",
		"retention.ms":      "-1",
		"retention.bytes":   "-1",
		"max.message.bytes": strconv.Itoa(m.limit(ctx, admin)),
	}
	return kafka.CreateTopics(ctx, admin, int32(partitions), settings, m.topic) //nolint:gosec // G115: a count of partitions fits.
}

// enlarge lets a topic of dead letters take one that was compressed better, or
// in another batch, where it came from.
func (m *mailbox) enlarge(r *kgo.Record) error {
	ctx, cancel := context.WithTimeout(m.group.base, locateTimeout)
	defer cancel()
	most := strconv.Itoa(size(r) + letterRoom)
	answers, err := kadm.NewClient(m.kafka()).AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &most}}, r.Topic)
	if err == nil {
		_, err = answers.On(r.Topic, func(a *kadm.AlterConfigsResponse) error { return a.Err })
	}
	if err != nil {
		return fmt.Errorf("set max.message.bytes of topic %s: %w", r.Topic, err)
	}
	return nil
}

// limit is what a batch of dead letters may have: what one of the source topic
// may, a quarter more in case it was compressed better, and room.
func (m *mailbox) limit(ctx context.Context, admin *kadm.Client) int {
	const kafkaDefault = 1_048_588
	most := kafkaDefault
	configs, err := admin.DescribeTopicConfigs(ctx, m.source)
	if err == nil {
		if c, err := configs.On(m.source, nil); err == nil && c.Err == nil {
			for _, pair := range c.Configs {
				if n, err := strconv.Atoi(pair.MaybeValue()); pair.Key == "max.message.bytes" && err == nil {
					most = n
				}
			}
		}
	}
	return min(most+most/4+letterRoom, math.MaxInt32)
}
