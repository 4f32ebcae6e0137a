package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	locateEvery   = time.Second
	locateTimeout = 5 * time.Second
)

// countPartitions remembers how many partitions the topics have before this
// member sees its first record. With StartLatest a later one begins at its
// beginning: it was created while we were watching.
func (g *Group) countPartitions(ctx context.Context) error {
	details, err := g.admin.ListTopicsWithInternal(ctx, g.config.Topics...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	known := map[string]int32{}
	for _, d := range details {
		if d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("topic %s: %w", d.Topic, d.Err)
		}
		known[d.Topic] = int32(len(d.Partitions)) //nolint:gosec // G115: a count of partitions fits.
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known = known
	return nil
}

// offsetsFetched keeps the metadata of the group's commits, which the client
// does not hand to locate, its next call.
func (g *Group) offsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	notes := map[topicPartition]string{}
	for _, group := range resp.Groups {
		for _, t := range group.Topics {
			for _, p := range t.Partitions {
				if p.Metadata != nil {
					notes[topicPartition{t.Topic, p.Partition}] = *p.Metadata
				}
			}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes = notes
	return nil
}

// locate decides where each new partition starts, before its first fetch: at
// the offset that the group has committed, else at the start or the end of the
// log. The client could do that by itself, but then the position of a partition
// without records would stay unknown and uncommitted, and a group that starts
// at the latest record would skip what comes before its first commit when it
// is restarted.
//
// An offset that was committed for a topic of the same name that was deleted
// since (the commit's metadata says which topic it is of) is not one of this
// topic: taking it would skip the records below it.
//
// It tries until it knows all of them or the rebalance that is going on ends
// it; the client then asks again.
func (g *Group) locate(ctx context.Context, fetched map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	for {
		err := g.locateSome(ctx, fetched)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			g.commits.soon()
			return fetched, nil
		}
		g.errors.say("locate", fmt.Errorf("find where to start: %w", err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(locateEvery):
		}
	}
}

// locateSome fills in what can be found out now. The error is one reason why
// something is left.
func (g *Group) locateSome(ctx context.Context, fetched map[string]map[int32]kgo.Offset) error {
	ctx, cancel := context.WithTimeout(ctx, locateTimeout)
	defer cancel()
	details, err := g.admin.ListTopicsWithInternal(ctx, slices.Sorted(maps.Keys(fetched))...)
	if err != nil {
		return err
	}
	var listed logEnds
	for topic, offsets := range fetched {
		if e := details[topic].Err; e != nil {
			err = fmt.Errorf("topic %s: %w", topic, e)
			continue
		}
		topicID := details[topic].ID
		for id, offset := range offsets {
			p := g.assignment(topicPartition{topic, id})
			if p == nil {
				continue // The group is draining.
			}
			if p.isLocated() { // By an earlier try, or it was suspended.
				next := p.fetchesFrom()
				offsets[id] = kgo.NewOffset().At(next.Offset).WithEpoch(next.Epoch)
				continue
			}
			commit := offset.EpochOffset()
			stale := commit.Offset >= 0 && !ofTopic(g.note(p.topicPartition), topicID)
			if commit.Offset >= 0 && !stale {
				p.locate(commit, true, topicID)
				continue
			}
			at, e := listed.find(ctx, g.admin, p.topicPartition, !stale && g.startsAtEnd(p.topicPartition))
			if e != nil {
				err = e
				continue
			}
			if stale {
				g.wasReset(p.topicPartition, reasonRecreated, commit.Offset, at)
			}
			p.locate(kgo.EpochOffset{Epoch: -1, Offset: at}, false, topicID)
			offsets[id] = kgo.NewOffset().At(at)
		}
	}
	return err
}

// startsAtEnd reports whether the group skips what the partition holds now.
func (g *Group) startsAtEnd(tp topicPartition) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.config.Start == StartLatest && tp.id < g.known[tp.topic]
}

func (g *Group) note(tp topicPartition) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.notes[tp]
}

// logEnds asks for the starts or the ends of a topic's partitions once and
// only when one is needed.
type logEnds struct {
	starts, ends map[string]kadm.ListedOffsets
}

// find returns where a partition's log starts, or the offset before which all
// is committed: the end as a reader of committed records sees it. Behind the
// latter there may be records of a transaction that is still open; they count
// as written later.
func (l *logEnds) find(ctx context.Context, admin *kadm.Client, tp topicPartition, end bool) (int64, error) {
	known, ask := &l.starts, admin.ListStartOffsets
	if end {
		known, ask = &l.ends, admin.ListCommittedOffsets
	}
	answer, ok := (*known)[tp.topic]
	if !ok {
		var err error
		if answer, err = ask(ctx, tp.topic); err != nil {
			return 0, fmt.Errorf("list offsets of %s: %w", tp.topic, err)
		}
		if *known == nil {
			*known = map[string]kadm.ListedOffsets{}
		}
		(*known)[tp.topic] = answer
	}
	offset, ok := answer.Lookup(tp.topic, tp.id)
	switch {
	case !ok:
		return 0, fmt.Errorf("list offsets of %s/%d: %w", tp.topic, tp.id, kerr.UnknownTopicOrPartition)
	case offset.Err != nil:
		return 0, fmt.Errorf("list offsets of %s/%d: %w", tp.topic, tp.id, offset.Err)
	case offset.Offset < 0:
		return 0, fmt.Errorf("list offsets of %s/%d: no offset in the answer", tp.topic, tp.id)
	}
	return offset.Offset, nil
}
