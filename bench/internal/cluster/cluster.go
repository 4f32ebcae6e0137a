// Package cluster is the Kafka that all contestants of a benchmark share:
// somebody's own, or an embedded broker that is started for it. It makes topics
// and groups, waits until they can be used, and deletes them. It knows nothing
// of what is measured.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/internal/process"
)

// Partitions of every topic.
const Partitions = 4

// MetadataMinAge is of the benchmark's own clients: metadata is asked for until
// a new topic has its leaders, and would else be five seconds old.
const MetadataMinAge = 20 * time.Millisecond

// Cluster is a Kafka, with the topics and groups that were made in it. One
// goroutine may use it at a time.
type Cluster struct {
	Brokers []string
	// Version says what it is, for a report.
	Version string
	Admin   *kadm.Client

	client   *kgo.Client
	embedded *Broker // nil where somebody else's Kafka is used
	prefix   string
	topics   []string
	groups   []string
}

// Open connects to the given brokers, or where there are none to one that start
// starts, and which ends with the cluster.
func Open(ctx context.Context, brokers []string, start func() (*Broker, error)) (*Cluster, error) {
	c := &Cluster{Brokers: brokers, prefix: fmt.Sprintf("sluice-bench-%x", time.Now().UnixMilli())}
	var err error
	if len(brokers) == 0 {
		if c.embedded, err = start(); err != nil {
			return nil, err
		}
		c.Brokers = []string{c.embedded.Address}
	}
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.MetadataMinAge(MetadataMinAge))
	if err != nil {
		c.stop()
		return nil, err
	}
	c.Admin = kadm.NewClient(c.client)
	if err := c.connect(ctx); err != nil {
		c.client.Close()
		c.stop()
		return nil, err
	}
	return c, nil
}

// connect waits until Kafka answers, and asks what it is.
func (c *Cluster) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := c.client.Ping(ctx)
	for ; err != nil; err = c.client.Ping(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect to Kafka at %s: %w", strings.Join(c.Brokers, ","), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	versions, err := c.Admin.ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("ask Kafka for its version: %w", err)
	}
	for _, v := range versions.Sorted() {
		c.Version = "Apache Kafka or compatible, by its API " + v.VersionGuess()
	}
	c.Version = fmt.Sprintf("%s, brokers: %d", c.Version, len(versions))
	if c.embedded != nil {
		c.Version = c.embedded.What
	}
	return nil
}

// CreateTopic makes an empty topic, waits until it can be written to, and
// returns its name, which has the given one in it.
func (c *Cluster) CreateTopic(ctx context.Context, name string) (string, error) {
	topic := fmt.Sprintf("%s-%03d-%s", c.prefix, len(c.topics), process.Plain(name))
	const brokersDefault = -1
	answer, err := c.Admin.CreateTopics(ctx, Partitions, brokersDefault, nil, topic)
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
		details, err := c.Admin.ListTopics(ctx, topic)
		if err == nil && led(details[topic]) == Partitions {
			return topic, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("topic %s has no leaders: %w", topic, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// led counts the partitions that have a leader.
func led(d kadm.TopicDetail) int {
	n := 0
	for _, p := range d.Partitions {
		if p.Err == nil && p.Leader >= 0 {
			n++
		}
	}
	return n
}

// NewGroup names a group that has committed nothing yet.
func (c *Cluster) NewGroup() string {
	group := fmt.Sprintf("%s-%03d", c.prefix, len(c.groups))
	c.groups = append(c.groups, group)
	return group
}

// Ends returns the offsets after the last records of a topic.
func (c *Cluster) Ends(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := c.Admin.ListEndOffsets(ctx, topic)
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

// Close deletes the topics and groups, in somebody else's Kafka, and stops the
// broker. It tells out what may be left.
func (c *Cluster) Close(out io.Writer) {
	defer c.stop()
	defer c.client.Close()
	if c.embedded != nil {
		return
	}
	// Also after an interrupt, which has ended the run's context.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(c.deleteGroups(ctx), c.deleteTopics(ctx)); err != nil {
		// A reader that has gone cannot be told.
		_, _ = fmt.Fprintf(out, "bench: topics and groups %s-* may be left: %v\n", c.prefix, err)
	}
}

func (c *Cluster) deleteTopics(ctx context.Context) error {
	if len(c.topics) == 0 {
		return nil
	}
	answer, err := c.Admin.DeleteTopics(ctx, c.topics...)
	return errors.Join(err, answer.Error())
}

func (c *Cluster) deleteGroups(ctx context.Context) error {
	if len(c.groups) == 0 {
		return nil
	}
	answer, err := c.Admin.DeleteGroups(ctx, c.groups...)
	failed := []error{err}
	for _, a := range answer {
		if !errors.Is(a.Err, kerr.GroupIDNotFound) { // A run that never began, or that has no group.
			failed = append(failed, a.Err)
		}
	}
	return errors.Join(failed...)
}

func (c *Cluster) stop() {
	if c.embedded != nil {
		c.embedded.Stop()
	}
}
