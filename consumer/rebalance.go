package consumer

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// assigned begins the partitions that are new to this member. Where each one
// starts is decided by locate, before the first of its records is fetched.
func (g *Group) assigned(ctx context.Context, client *kgo.Client, added map[string][]int32) {
	memberID, _ := client.GroupMetadata()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.polls.Err() != nil {
		return // Draining; the group is about to be left.
	}
	g.state = state{}
	each(added, func(tp topicPartition) {
		p := g.partitions[tp]
		if p != nil && p.resume(memberID) {
			return
		}
		if p != nil { // Suspended too long, or its topic is read anew.
			g.retired.add(p)
		}
		g.partitions[tp] = newPartition(g, tp, memberID)
	})
	for tp, p := range g.partitions {
		if p.isSuspended() { // Somebody else's now.
			g.retired.add(p)
			delete(g.partitions, tp)
			continue
		}
		// We have a new name if our session had ended unnoticed and we
		// rejoined as a new member. What the group leaves us is ours again.
		p.setMember(memberID)
	}
	if len(added) > 0 {
		g.log.InfoContext(ctx, "partitions assigned", slog.Any("partitions", added), slog.Int("assigned", len(g.partitions)))
	}
}

// revoked hands partitions over: no further record is begun, the ones in work
// get ten seconds, what is handled is committed, and then nothing counts any
// more. The group waits for it; heartbeats go on meanwhile.
func (g *Group) revoked(ctx context.Context, _ *kgo.Client, taken map[string][]int32) {
	parts := g.pick(taken)
	if len(parts) == 0 {
		return
	}
	stopAll(parts)
	budget, cancel := context.WithTimeout(ctx, revokeBudget)
	defer cancel()
	busy := waitAll(budget, parts)
	g.commitAll(ctx, commitTimeout, parts)
	g.retire(parts)
	g.log.InfoContext(ctx, "partitions revoked", slog.Any("partitions", taken), slog.Int("still_busy", len(busy)))
}

func (p *partition) setMember(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memberID = id
}

// pick returns those of the partitions that are ours.
func (g *Group) pick(named map[string][]int32) []*partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	var parts []*partition
	each(named, func(tp topicPartition) {
		if p := g.partitions[tp]; p != nil {
			parts = append(parts, p)
		}
	})
	return parts
}

// retire fences partitions and forgets them.
func (g *Group) retire(parts []*partition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range parts {
		g.retired.add(p)
		if g.partitions[p.topicPartition] == p {
			delete(g.partitions, p.topicPartition)
		}
	}
}

func each(partitions map[string][]int32, f func(topicPartition)) {
	for topic, ids := range partitions {
		for _, id := range ids {
			f(topicPartition{topic, id})
		}
	}
}

func stopAll(parts []*partition) {
	for _, p := range parts {
		p.stop()
	}
}

// waitAll waits for stopped partitions to have nothing in work, and returns
// those that still have when ctx ends.
func waitAll(ctx context.Context, parts []*partition) (busy []*partition) {
	for _, p := range parts {
		select {
		case <-p.done:
			continue
		default:
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			busy = append(busy, p)
		}
	}
	return busy
}
