package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
	"sluice/record"
)

const (
	commitEvery   = time.Second
	commitTimeout = 5 * time.Second
	// finalCommitTimeout bounds the commit of a drain, whose time is short.
	finalCommitTimeout = 2 * time.Second
)

// committer makes commits follow one another: positions are read after the
// commit before has ended, so that an older one never overtakes a newer one.
type committer struct {
	turn chan struct{} // has room for whoever commits now
	kick chan struct{}
}

func newCommitter() committer {
	return committer{turn: make(chan struct{}, 1), kick: make(chan struct{}, 1)}
}

// soon asks for a commit now instead of within a second.
func (c *committer) soon() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// commitLoop commits what has changed every second, until the drain, which
// commits the rest itself.
func (g *Group) commitLoop() {
	ticker := time.NewTicker(commitEvery)
	defer ticker.Stop()
	for {
		select {
		case <-g.polls.Done():
			return
		case <-ticker.C:
		case <-g.commits.kick:
		}
		if g.commit(g.base, commitTimeout, g.all()) {
			g.commits.soon()
		}
	}
}

// commitAll commits positions that move no more, in as many steps as it takes.
func (g *Group) commitAll(ctx context.Context, timeout time.Duration, parts []*partition) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for g.commit(ctx, timeout, parts) {
	}
}

// claim is a position that is to be committed, with what a Transform has made
// of the records before it.
type claim struct {
	*partition
	at       kgo.EpochOffset
	results  []*entry
	memberID string
	topicID  record.TopicID
}

// room is how much of what a Transform has made still fits in a transaction.
type room struct{ records, bytes int }

// take returns how many of the entries fit. A first one always does.
func (r *room) take(entries []*entry, first bool) int {
	for i, e := range entries {
		weight := e.weight()
		if (r.records < 1 || r.bytes < weight) && (i > 0 || !first) {
			return i
		}
		r.records--
		r.bytes -= weight
	}
	return len(entries)
}

// claim returns the position where it differs from what is committed, or the
// one behind the records whose results there is room for.
func (p *partition) claim(r *room, first bool) (claim, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced || p.suspended != nil || !p.located || p.results.refused || (p.hasCommit && p.committed == p.position) {
		return claim{}, false
	}
	c := claim{partition: p, at: p.position, results: p.results.entries, memberID: p.memberID, topicID: p.topicID}
	if n := r.take(c.results, first); n < len(c.results) {
		if n == 0 {
			return claim{}, false
		}
		c.results = c.results[:n]
		c.at = c.results[n-1].after()
	}
	return c, true
}

// beginning returns the position behind which nothing is in Kafka yet of what a
// Transform has made, where the group has committed none.
func (p *partition) beginning() (claim, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced || p.suspended != nil || !p.located || p.hasCommit || len(p.results.entries) == 0 {
		return claim{}, false
	}
	at := kgo.EpochOffset{Epoch: -1, Offset: p.results.entries[0].kafka.Offset}
	return claim{partition: p, at: at, memberID: p.memberID, topicID: p.topicID}, true
}

// isDone reports whether the claim is what is committed.
func (c claim) isDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasCommit && c.committed == c.at
}

// done notes that the claim is committed.
func (c claim) done() {
	p := c.partition
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed, p.hasCommit = c.at, true
	if n := len(c.results); n > 0 && !p.fenced {
		p.results.drop(n)
		p.states.Running -= int64(n)
		p.states.OK += int64(n)
		p.relax()
	}
}

// ours reports whether the partition's position may be committed.
func (p *partition) ours() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.fenced && p.suspended == nil
}

// commit commits the positions that have changed, and takes at most timeout.
// What fails is logged and stays to be committed, which is the next call's
// work, and so is what did not fit in a transaction: then it reports true, and
// should be called again. Nothing of a fenced partition is ever committed.
func (g *Group) commit(ctx context.Context, timeout time.Duration, parts []*partition) (again bool) {
	if len(parts) == 0 {
		return false // There may be no client yet.
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case g.commits.turn <- struct{}{}:
		defer func() { <-g.commits.turn }()
	case <-ctx.Done():
		g.errors.say("commit", fmt.Errorf("commit offsets: the commit before has not ended: %w", ctx.Err()))
		return false
	}
	if g.transactor != nil {
		again, err := g.transactor.commit(ctx, parts)
		if err != nil {
			g.metrics.commits.WithLabelValues("error").Inc()
			g.errors.say("commit", fmt.Errorf("commit results: %w", err))
		}
		return again
	}
	var claims []claim
	for _, p := range parts {
		if c, ok := p.claim(&room{}, true); ok {
			claims = append(claims, c)
		}
	}
	g.commitOffsets(ctx, timeout, claims)
	return false
}

// commitOffsets commits without a transaction. What fails is logged.
func (g *Group) commitOffsets(ctx context.Context, timeout time.Duration, list []claim) {
	if len(list) == 0 {
		return
	}
	claims := map[topicPartition]claim{}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for _, c := range list {
		claims[c.topicPartition] = c
		if offsets[c.topic] == nil {
			offsets[c.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[c.topic][c.id] = c.at
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		keepClaimed(req, claims)
		return nil
	})
	g.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		switch {
		case err == nil:
			g.committed(req, resp, claims)
			return
		case errors.Is(err, context.DeadlineExceeded): // The client holds commits back while it joins.
			err = fmt.Errorf("not done in %s, which a rebalance can take too: %w", timeout, err)
		}
		g.metrics.commits.WithLabelValues("error").Add(float64(len(claims)))
		g.errors.say("commit", fmt.Errorf("commit offsets: %w", err))
	})
}

// keepClaimed is the last look at a commit before it is sent, which may be a
// rebalance later than it was made: it drops what is not ours any more, and
// what was claimed under another name in the group (our session ended, and
// somebody else may have the partition). It also notes in the commit which
// topic it is of; see locate.
func keepClaimed(req *kmsg.OffsetCommitRequest, claims map[topicPartition]claim) {
	req.Topics = slices.DeleteFunc(req.Topics, func(t kmsg.OffsetCommitRequestTopic) bool { return len(t.Partitions) == 0 })
	for i := range req.Topics {
		t := &req.Topics[i]
		t.Partitions = slices.DeleteFunc(t.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) bool {
			c := claims[topicPartition{t.Topic, p.Partition}]
			return c.memberID != req.MemberID || !c.ours()
		})
		for j := range t.Partitions {
			note := kafka.TopicNote(claims[topicPartition{t.Topic, t.Partitions[j].Partition}].topicID)
			t.Partitions[j].Metadata = &note
		}
	}
	req.Topics = slices.DeleteFunc(req.Topics, func(t kmsg.OffsetCommitRequestTopic) bool { return len(t.Partitions) == 0 })
}

// committed notes what the broker has answered to a commit.
func (g *Group) committed(req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, claims map[topicPartition]claim) {
	names := map[[16]byte]string{} // From version 10 on, an answer has no names.
	for _, t := range req.Topics {
		names[t.TopicID] = t.Topic
	}
	for _, t := range resp.Topics {
		topic := t.Topic
		if topic == "" {
			topic = names[t.TopicID]
		}
		for _, p := range t.Partitions {
			c, ok := claims[topicPartition{topic, p.Partition}]
			if !ok {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				g.metrics.commits.WithLabelValues("error").Inc()
				g.errors.say("commit "+topic, fmt.Errorf("commit offset of %s/%d: %w", topic, p.Partition, err),
					slog.String("topic", topic), slog.Int("partition", int(p.Partition)))
				if errors.Is(err, kerr.UnknownTopicID) {
					g.compare(c.partition)
				}
				continue
			}
			g.metrics.commits.WithLabelValues("ok").Inc()
			c.done()
		}
	}
}
