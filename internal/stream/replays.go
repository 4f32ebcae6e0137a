package stream

import (
	"sync"
	"time"

	"sluice/internal/access"
)

// replay is what a client has read from Kafka since it was last where the ring
// is.
type replay struct {
	since time.Time // zero: it does not replay
	bytes int64
}

// replays counts the clients that replay, by principal.
type replays struct {
	most int

	mu    sync.Mutex
	count map[string]int
}

func (r *replays) enter(p *access.Principal) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count[p.Name()] >= r.most {
		return false
	}
	r.count[p.Name()]++
	return true
}

func (r *replays) leave(p *access.Principal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count[p.Name()]--; r.count[p.Name()] <= 0 {
		delete(r.count, p.Name())
	}
}

// enterReplays counts the client as one that replays.
func (f *Feed) enterReplays(c *course) error {
	if f.replayed.since.IsZero() {
		f.replayed = replay{since: time.Now()}
		if f.live {
			// It has fallen behind: to catch up is to come to where it is now.
			c.target = nil
			for _, b := range c.tail.ring.boundsOf() {
				c.target = append(c.target, b.stable)
			}
			f.live = false
			f.late = true
		}
	}
	if !f.replays {
		if !f.hub.replays.enter(f.principal) {
			return &Bye{ByeOverload}
		}
		f.replays = true
	}
	return nil
}

func (f *Feed) leaveReplays() {
	if f.replays {
		f.hub.replays.leave(f.principal)
		f.replays = false
	}
}

// spendReplay counts what was sent of a replay. Beyond the limit a client that
// has fallen behind gets a gap or is closed, as it has asked for, and one that
// came with an old position is sent away: it goes on with the next stream.
func (f *Feed) spendReplay(c *course, sent int) error {
	f.replayed.bytes += int64(sent)
	limits := f.hub.cfg.Replay
	if f.replayed.bytes <= int64(limits.Bytes) && time.Since(f.replayed.since) <= limits.Time {
		return nil
	}
	switch {
	case !f.late:
		return &Bye{ByeReplayLimit}
	case f.closeSlow:
		return &Bye{ByeSlow}
	}
	v := c.tail.ring.look(0, 0)
	for p, next := range v.next {
		if p < len(c.at) && c.at[p] < next && f.selection.partition(int32(p)) {
			from := c.at[p]
			c.at[p] = next
			if err := f.gap(partitionGap(c.tail.topic, int32(p), from, next, Slow)); err != nil {
				return err
			}
		}
	}
	f.replayed = replay{}
	f.leaveReplays()
	return nil
}
