package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/record"
)

// The reasons why a position is not in the log any more.
const (
	// reasonExpired: retention or a deletion of records has moved the start
	// of the log past it. What was in between is gone.
	reasonExpired = "expired"
	// reasonTruncated: the log ends before it; the cluster has lost records.
	reasonTruncated = "truncated"
	// reasonRecreated: the topic was deleted, and what is there now is another
	// one of the same name.
	reasonRecreated = "recreated"
)

// wasReset reports that a position has moved without a record being handled.
func (g *Group) wasReset(tp topicPartition, reason string, from, to int64) {
	g.metrics.resets.WithLabelValues(reason).Inc()
	g.log.Warn("offset is no longer in the log",
		slog.String("topic", tp.topic), slog.Int("partition", int(tp.id)),
		slog.Int64("from", from), slog.Int64("to", to), slog.String("reason", reason))
}

// logCut deals with records that the cluster has lost: the client has found
// where the log was cut and goes on fetching from there. It runs in the poll
// loop.
func (g *Group) logCut(tp topicPartition, loss *kgo.ErrDataLoss) {
	p := g.assignment(tp)
	if p == nil {
		return
	}
	g.wasReset(tp, reasonTruncated, loss.ConsumedTo, loss.ResetTo)
	p.jump(kgo.EpochOffset{Epoch: loss.ResetToEpoch, Offset: loss.ResetTo})
}

// outOfRange deals with a position outside of the log: it goes on at the start
// of the log, below which nothing is left to be skipped. It runs in the poll
// loop, and the question where the log starts is asked beside it. Until the
// answer the partition is not fetched.
func (g *Group) outOfRange(tp topicPartition) {
	p := g.assignment(tp)
	if p == nil || !p.hold(true) {
		return
	}
	g.work.Go(func() {
		start, err := g.findStart(p)
		if err != nil {
			return // The partition has ended.
		}
		g.polling.do(func() {
			// A rebalance may have come first.
			if g.assignment(tp) != p {
				return
			}
			from := p.fetchesFrom().Offset
			reason := reasonTruncated
			if from < start {
				reason = reasonExpired
			}
			g.wasReset(tp, reason, from, start)
			to := kgo.EpochOffset{Epoch: -1, Offset: start}
			g.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.topic: {tp.id: to}})
			p.jump(to)
			p.hold(false)
		})
	})
}

// findStart asks where the log starts until there is an answer or the
// partition is stopped.
func (g *Group) findStart(p *partition) (int64, error) {
	for {
		ctx, cancel := context.WithTimeout(p.ctx, locateTimeout)
		var listed logEnds
		start, err := listed.find(ctx, g.admin, p.topicPartition, false)
		cancel()
		if err == nil {
			return start, nil
		}
		g.errors.say(p.topic, fmt.Errorf("find where to go on: %w", err))
		select {
		case <-p.stopping:
			return 0, errors.New("stopped")
		case <-time.After(locateEvery):
		}
	}
}

// former is where a partition was when its topic went.
type former struct {
	topicID record.TopicID
	offset  int64
}

// topicGone deals with a topic that was deleted, and perhaps created again: the
// client would ask for the old one for ever. What was fetched of it and is not
// handled is given up, as the deletion has it, and the topic is read from its
// beginning when and if it is there. It runs in the poll loop, the rest beside.
func (g *Group) topicGone(topic string) {
	parts := g.partitionsOf(topic)
	if g.isRereading(topic) || len(parts) == 0 {
		return
	}
	g.log.Warn("topic is gone, or another one of its name is there", slog.String("topic", topic))
	g.mu.Lock()
	g.known[topic] = 0
	for _, p := range parts {
		g.former[p.topicPartition] = p.asFormer()
	}
	g.mu.Unlock()
	g.retire(parts)
	g.work.Go(func() { g.reread(topic) })
}

// formerly returns where a partition was in the topic that had the name before,
// if that was another one.
func (g *Group) formerly(tp topicPartition, topicID record.TopicID) (offset int64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, ok := g.former[tp]
	return old.offset, ok && old.topicID != topicID
}

func (p *partition) asFormer() former {
	p.mu.Lock()
	defer p.mu.Unlock()
	return former{p.topicID, p.next.Offset}
}

// compare looks whether a topic is still the one that a partition is of, after
// a commit was refused because it is not. Up to Kafka 3.0 that is the only sign:
// fetching is by name, and goes on in the middle of the new topic.
func (g *Group) compare(p *partition) {
	g.work.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, locateTimeout)
		defer cancel()
		details, err := g.admin.ListTopicsWithInternal(ctx, p.topic)
		if err != nil || details[p.topic].Err != nil || record.TopicID(details[p.topic].ID) == p.asFormer().topicID {
			return // The next commit asks again.
		}
		g.polling.do(func() {
			if g.assignment(p.topicPartition) == p {
				g.topicGone(p.topic)
			}
		})
	})
}

// reread has the client forget a topic and find it again, as if it was new.
// Partitions of it that are still ours are only suspended meanwhile.
func (g *Group) reread(topic string) {
	g.mu.Lock()
	if g.rereading[topic] {
		g.mu.Unlock()
		return
	}
	g.rereading[topic] = true
	g.mu.Unlock()
	for _, p := range g.partitionsOf(topic) {
		g.suspend(p)
	}
	g.client.PurgeTopicsFromConsuming(topic)
	g.mu.Lock()
	delete(g.rereading, topic)
	g.mu.Unlock()
	g.client.AddConsumeTopics(topic)
}

func (g *Group) isRereading(topic string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rereading[topic]
}

func (g *Group) partitionsOf(topic string) []*partition {
	return slices.DeleteFunc(g.all(), func(p *partition) bool { return p.topic != topic })
}
