package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"sluice/internal/deadletter"
)

// retriesEvery is how often a group looks for the topics of its redriven dead
// letters, which are made with the first redrive.
const retriesEvery = 10 * time.Second

// retryTopics are the topics that a group reads beside its own, each with the
// one that its records are from.
func retryTopics(c Config) map[string]string {
	topics := map[string]string{}
	if c.OnFailure == DeadLetter {
		for _, t := range c.Topics {
			topics[deadletter.Retry(t, c.Group)] = t
		}
	}
	return topics
}

// sourceOf returns the topic whose redriven dead letters a topic has, or "".
func (g *Group) sourceOf(topic string) string { return g.retries[topic] }

// origin is the topic whose dead letters the partition's are: its own, or the
// one whose redriven dead letters it has.
func (p *partition) origin() string { return cmp.Or(p.source, p.topic) }

// watchRetries has the client read the topics of redriven dead letters from
// the moment on that they are there. It ends when it has found all.
func (g *Group) watchRetries() {
	missing := maps.Clone(g.retries)
	for len(missing) > 0 {
		found, err := g.findTopics(missing)
		if err != nil && g.polls.Err() == nil {
			g.errors.say("retries", fmt.Errorf("look for redriven dead letters: %w", err))
		}
		if len(found) > 0 {
			g.client.AddConsumeTopics(found...)
			for _, topic := range found {
				delete(missing, topic)
			}
		}
		select {
		case <-g.polls.Done():
			return
		case <-time.After(retriesEvery):
		}
	}
}

func (g *Group) findTopics(wanted map[string]string) (found []string, err error) {
	ctx, cancel := context.WithTimeout(g.polls, locateTimeout)
	defer cancel()
	listed, err := g.admin.ListTopicsWithInternal(ctx, slices.Sorted(maps.Keys(wanted))...)
	if err != nil {
		return nil, err
	}
	for topic := range wanted {
		if d, ok := listed[topic]; ok && d.Err == nil && len(d.Partitions) > 0 {
			found = append(found, topic)
		}
	}
	return found, nil
}

// restore makes a redriven dead letter look as it did when it was first read.
// It reports false for one that is another group's: names of topics and groups
// can be such that two have the same topic here.
func (p *partition) restore(e *entry) bool {
	original, letter, ok := deadletter.Split(e.record.Headers)
	if !ok {
		return true // Somebody has written it by hand. It is handled as it is.
	}
	if letter.Group != p.group.config.Group || letter.Topic != p.source {
		p.group.errors.say("foreign "+p.topic, errors.New("a redriven dead letter of another group is passed over"),
			slog.String("topic", p.topic), slog.Int("partition", int(p.id)), slog.Int64("offset", e.kafka.Offset),
			slog.String("group_of_it", letter.Group), slog.String("topic_of_it", letter.Topic))
		return false
	}
	r := &e.record
	r.Topic, r.TopicID, r.Partition, r.Offset, r.Timestamp = letter.Topic, letter.TopicID, letter.Partition, letter.Offset, letter.Timestamp
	r.Headers = original
	e.redriven = &letter
	return true
}
