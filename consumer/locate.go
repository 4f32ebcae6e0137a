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

	"sluice/internal/kafka"
	"sluice/record"
)

const (
	locateEvery   = time.Second
	locateTimeout = 5 * time.Second
)

// countPartitions remembers, for a group that starts at the latest record, how
// many partitions the topics have before this member sees its first one. A
// partition that comes later begins at its beginning: it was created while we
// were watching.
func (g *Group) countPartitions(ctx context.Context) error {
	if g.config.Start != StartLatest {
		return nil
	}
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
		topicID := record.TopicID(details[topic].ID)
		for id, offset := range offsets {
			p := g.assignment(topicPartition{topic, id})
			if p == nil {
				continue // The group is draining.
			}
			if next, ok := p.place(); ok { // By an earlier try, or it was suspended.
				offsets[id] = kgo.NewOffset().At(next.Offset).WithEpoch(next.Epoch)
				continue
			}
			at, e := g.startOf(ctx, p.topicPartition, offset.EpochOffset(), topicID, &listed)
			if e != nil {
				err = e
				continue
			}
			p.locate(at.EpochOffset, at.committed, topicID)
			g.mu.Lock()
			delete(g.former, p.topicPartition)
			g.mu.Unlock()
			if at.reset {
				g.wasReset(p.topicPartition, reasonRecreated, at.from, at.Offset)
			}
			offsets[id] = kgo.NewOffset().At(at.Offset).WithEpoch(at.Epoch)
		}
	}
	return err
}

// locate sets where the partition begins, and what the group has committed for
// it, if anything.
func (p *partition) locate(at kgo.EpochOffset, committed bool, topicID record.TopicID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.located, p.placed, p.position, p.next, p.topicID = true, true, at, at, topicID
	p.committed, p.hasCommit = at, committed
	if p.opening != nil {
		p.opening.begin(p)
	}
}

// place returns where the client goes on, if that is known.
func (p *partition) place() (kgo.EpochOffset, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.placed = p.located
	return p.next, p.located
}

// isPlaced reports whether the client fetches the partition. Where it was
// refused the group's offset it does not, and never asks again by itself.
func (p *partition) isPlaced() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.placed
}

// fetchesFrom returns the offset that the client fetches next.
func (p *partition) fetchesFrom() kgo.EpochOffset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// start is where a partition starts.
type start struct {
	kgo.EpochOffset
	committed bool // The group has committed it.
	reset     bool // It replaces an offset of another topic of this name.
	from      int64
}

// startOf decides where a partition starts, given what the group has committed
// for it, or a negative offset.
func (g *Group) startOf(ctx context.Context, tp topicPartition, commit kgo.EpochOffset, topicID record.TopicID, listed *logEnds) (start, error) {
	from, reset := g.formerly(tp, topicID)
	if commit.Offset >= 0 && kafka.OfTopic(g.note(tp), topicID) {
		return start{commit, true, reset, from}, nil
	}
	end := g.startsAtEnd(tp)
	if commit.Offset >= 0 {
		from, reset, end = commit.Offset, true, false
	}
	at, err := listed.find(ctx, g.admin, tp, end)
	if err != nil {
		return start{}, err
	}
	return start{kgo.EpochOffset{Epoch: -1, Offset: at}, false, reset, from}, nil
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
