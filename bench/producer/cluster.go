package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partitions of every topic.
const partitions = 4

// cluster is the Kafka that all contestants write to, with the topics that
// were made in it.
type cluster struct {
	brokers  []string
	version  string
	client   *kgo.Client
	admin    *kadm.Client
	embedded *process // nil where somebody else's Kafka is used
	prefix   string
	topics   []string
}

// openCluster connects to the given Kafka, or starts an embedded broker.
func openCluster(ctx context.Context, o options, dir string) (*cluster, error) {
	c := &cluster{brokers: o.brokers, prefix: fmt.Sprintf("sluice-bench-%x", time.Now().Unix())}
	if len(c.brokers) == 0 {
		address, err := freePort()
		if err != nil {
			return nil, err
		}
		// Retention must not delete what is yet to be compared.
		c.embedded, err = launch(dir, "broker", o.binary, "broker", "--broker-listen", address,
			"--broker-data", filepath.Join(dir, "data"), "--broker-retention-bytes", "8GiB")
		if err != nil {
			return nil, err
		}
		c.brokers = []string{address}
	}
	var err error
	// Metadata is asked for until a new topic has its leaders, and would else
	// be five seconds old.
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.MetadataMinAge(20*time.Millisecond))
	if err != nil {
		c.stop()
		return nil, err
	}
	c.admin = kadm.NewClient(c.client)
	if err := c.connect(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// connect waits until Kafka answers, and asks what it is.
func (c *cluster) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := c.client.Ping(ctx)
	for ; err != nil; err = c.client.Ping(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect to Kafka at %s: %w", strings.Join(c.brokers, ","), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	versions, err := c.admin.ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("ask Kafka for its version: %w", err)
	}
	for _, v := range versions.Sorted() {
		c.version = "Apache Kafka or compatible, by its API " + v.VersionGuess()
	}
	c.version = fmt.Sprintf("%s, brokers: %d", c.version, len(versions))
	if c.embedded != nil {
		c.version = "the embedded broker (`sluice broker`), records in a folder"
	}
	return nil
}

// createTopic makes an empty topic and waits until it can be written to.
func (c *cluster) createTopic(ctx context.Context, name string) (string, error) {
	topic := fmt.Sprintf("%s-%03d-%s", c.prefix, len(c.topics), strings.Map(plain, name))
	const brokersDefault = -1
	answer, err := c.admin.CreateTopics(ctx, partitions, brokersDefault, nil, topic)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return "", fmt.Errorf("create topic %s: %w", topic, err)
	}
	c.topics = append(c.topics, topic)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		details, err := c.admin.ListTopics(ctx, topic)
		if err == nil {
			d := details[topic]
			led := 0
			for _, p := range d.Partitions {
				if p.Err == nil && p.Leader >= 0 {
					led++
				}
			}
			if d.Err == nil && led == partitions {
				return topic, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("topic %s has no leaders: %w", topic, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ends returns the offsets after the last records of a topic.
func (c *cluster) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the end offsets of %s: %w", topic, err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends, nil
}

// close deletes the topics, in somebody else's Kafka, and stops the broker.
func (c *cluster) close() {
	defer c.stop()
	defer c.client.Close()
	if c.embedded != nil || len(c.topics) == 0 {
		return
	}
	// Also after an interrupt, which has ended the run's context.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := c.admin.DeleteTopics(ctx, c.topics...)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		fmt.Printf("bench: topics %s-* may be left: %v\n", c.prefix, err)
	}
}

func (c *cluster) stop() {
	if c.embedded != nil {
		c.embedded.stop()
	}
}
