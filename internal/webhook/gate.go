package webhook

import (
	"sync"
	"time"
)

const (
	// firstPause follows an answer 429, 502 or 504 that does not say how long
	// to wait. Each further one doubles it, up to maxPause.
	firstPause = time.Second
	maxPause   = time.Minute
	// goneEvery is how often an endpoint is asked that has answered 410.
	goneEvery = 5 * time.Minute
	// askingPause is for those who find somebody else asking the endpoint
	// whether it is back.
	askingPause = 5 * time.Second
)

// gate holds requests back when the endpoint has asked for that: for a while,
// or, with 410, until it takes them again, for which one request at a time
// finds out.
type gate struct {
	mu     sync.Mutex
	until  time.Time // nothing is sent before
	why    error     // of until and of gone
	pause  time.Duration
	gone   bool
	asking bool
	// generation counts what the endpoint has asked for. Many requests may be
	// under way when it does; the answers of those that began before are about
	// the same trouble, and must not make it worse or end it.
	generation uint64
}

// pass lets one request through.
type pass struct {
	generation uint64
	asking     bool
}

// enter returns a pass, or how long to wait and why.
func (g *gate) enter(now time.Time) (p pass, wait time.Duration, why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.until) {
		return pass{}, g.until.Sub(now), g.why
	}
	if g.gone {
		if g.asking {
			return pass{}, askingPause, g.why
		}
		g.asking = true
	}
	return pass{generation: g.generation, asking: g.gone}, 0, nil
}

// leave gives a pass back. It comes after what the answer says was taken in.
func (g *gate) leave(p pass) {
	if !p.asking {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asking = false
}

// slow takes in that the endpoint wants fewer requests, for the time that it
// says or 0. It returns for how long nothing is sent now.
func (g *gate) slow(p pass, now time.Time, after time.Duration, why error) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	fresh := p.generation == g.generation
	if fresh {
		g.generation++
		if after == 0 {
			g.pause = min(max(2*g.pause, firstPause), maxPause)
		}
	}
	if after == 0 {
		after = max(g.pause, firstPause)
	}
	if until := now.Add(after); until.After(g.until) && (fresh || !g.gone) {
		g.until, g.why = until, why
	}
	return max(after, g.until.Sub(now))
}

// close takes in that the endpoint is gone. It returns for how long nothing is
// sent now, and whether that is news.
func (g *gate) close(p pass, now time.Time, why error) (wait time.Duration, news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone && p.generation != g.generation {
		return g.until.Sub(now), false
	}
	news = !g.gone
	g.gone, g.why = true, why
	g.until = now.Add(goneEvery)
	g.generation++
	return goneEvery, news
}

// open takes in that the endpoint has answered something else than 410, and
// reports whether that is news.
func (g *gate) open(p pass, works bool) (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.generation != g.generation {
		return false
	}
	if works {
		g.pause = 0
	}
	news, g.gone = g.gone, false
	return news
}
