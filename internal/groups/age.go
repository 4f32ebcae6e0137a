package groups

import (
	"context"
	"math"
	"time"
)

// sighting is the next record behind an offset, as it was seen once. While a
// group stands still it need not be read again.
type sighting struct {
	id       [16]byte // of the topic
	from, at int64    // there is no record in between
	millis   int64
	seen     time.Time
}

// sightingMemory is how long a sighting is believed: compaction may remove the
// record meanwhile.
const sightingMemory = time.Minute

// next reports whether the sighting answers where the next record is.
func (s sighting) next(spot spot, now time.Time) bool {
	return s.id == spot.id && s.from <= spot.from && spot.from <= s.at && s.at < spot.end && now.Sub(s.seen) < sightingMemory
}

// age fills in the lag in seconds of the partitions in which a record waits.
func (i *Inspector) age(ctx context.Context, g *Group, spots []spot) {
	ctx, cancel := context.WithTimeout(ctx, peekTime(ctx))
	defer cancel()
	known := i.recall(g.Name)
	sightings := map[place]sighting{}
	var unread []spot
	for _, s := range spots {
		if seen, ok := known[s.place]; ok && seen.next(s, i.now()) {
			sightings[s.place] = seen
			continue
		}
		unread = append(unread, s)
	}
	answers := i.peek(ctx, unread)
	for _, s := range unread {
		if a := answers[s.place]; a.err == nil && !a.none {
			sightings[s.place] = sighting{id: s.id, from: s.from, at: a.offset, millis: a.millis, seen: i.now()}
		}
	}
	i.remember(g.Name, sightings)
	now := i.now().UnixMilli()
	for n := range g.Partitions {
		p := &g.Partitions[n]
		at := place{p.Topic, p.Partition}
		if s, ok := sightings[at]; ok {
			p.LagSeconds, p.Problem = seconds(now, s.millis)
			continue
		}
		switch a, ok := answers[at]; {
		case ok && a.none:
			p.LagSeconds = new(float64)
		case ok:
			p.Problem = "next record: " + a.err.Error()
		}
	}
}

// seconds is how long ago a record's timestamp was, and never negative.
func seconds(now, millis int64) (*float64, string) {
	if millis < 0 {
		return nil, "next record: it has no timestamp"
	}
	age := math.Max(0, float64(now-millis)/1000)
	return &age, ""
}

// peekTime is how long records may be read: a third of what is left, so that
// what is known by then is still in time.
func peekTime(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return maxPeekTime
	}
	return min(time.Until(deadline)/3, maxPeekTime)
}

func (i *Inspector) recall(group string) map[place]sighting {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.peeks[group]
}

// remember replaces what is known of a group; the map is not changed any more.
func (i *Inspector) remember(group string, sightings map[place]sighting) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, known := i.peeks[group]; !known && len(i.peeks) >= maxRemembered {
		clear(i.peeks)
	}
	i.peeks[group] = sightings
}
