package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partitions of every topic.
const partitions = 4

// metadataMinAge is of the benchmark's own clients: metadata is asked for until
// a new topic has its leaders, and would else be five seconds old.
const metadataMinAge = 20 * time.Millisecond

// cluster is the Kafka that all contestants read, with the topics and groups
// that were made in it.
type cluster struct {
	brokers  []string
	version  string
	client   *kgo.Client
	admin    *kadm.Client
	embedded *process // nil where somebody else's Kafka is used
	prefix   string
	topics   []string
	groups   []string
}

// openCluster connects to the given Kafka, or starts an embedded broker.
func openCluster(ctx context.Context, o options, dir, self string) (*cluster, error) {
	c := &cluster{brokers: o.brokers, prefix: fmt.Sprintf("sluice-bench-%x", time.Now().UnixMilli())}
	if len(c.brokers) == 0 {
		var err error
		if c.embedded, err = launch(dir, "broker", self, roleBroker, filepath.Join(dir, "data")); err != nil {
			return nil, err
		}
		var l listening
		if err := c.embedded.read(&l); err != nil {
			c.embedded.stop()
			return nil, err
		}
		c.brokers = []string{l.Address}
	}
	var err error
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.MetadataMinAge(metadataMinAge))
	if err != nil {
		c.stop()
		return nil, err
	}
	c.admin = kadm.NewClient(c.client)
	if err := c.connect(ctx); err != nil {
		c.client.Close()
		c.stop()
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
		c.version = "the embedded broker, as a process of its own, records in a folder"
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
		if err == nil && led(details[topic]) == partitions {
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

// newGroup names a group that has committed nothing yet.
func (c *cluster) newGroup() string {
	group := fmt.Sprintf("%s-%03d", c.prefix, len(c.groups))
	c.groups = append(c.groups, group)
	return group
}

// close deletes the topics and groups, in somebody else's Kafka, and stops the
// broker.
func (c *cluster) close(out io.Writer) {
	defer c.stop()
	defer c.client.Close()
	if c.embedded != nil {
		return
	}
	// Also after an interrupt, which has ended the run's context.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(c.deleteGroups(ctx), c.deleteTopics(ctx)); err != nil {
		say(out, "bench: topics and groups %s-* may be left: %v\n", c.prefix, err)
	}
}

func (c *cluster) deleteTopics(ctx context.Context) error {
	if len(c.topics) == 0 {
		return nil
	}
	answer, err := c.admin.DeleteTopics(ctx, c.topics...)
	return errors.Join(err, answer.Error())
}

func (c *cluster) deleteGroups(ctx context.Context) error {
	if len(c.groups) == 0 {
		return nil
	}
	answer, err := c.admin.DeleteGroups(ctx, c.groups...)
	failed := []error{err}
	for _, a := range answer {
		if !errors.Is(a.Err, kerr.GroupIDNotFound) { // The plain design has none.
			failed = append(failed, a.Err)
		}
	}
	return errors.Join(failed...)
}

func (c *cluster) stop() {
	if c.embedded != nil {
		c.embedded.stop()
	}
}
