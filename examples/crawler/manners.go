package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// goneWithin is how long the web waits to see that a client is gone whose
// request is still open.
const goneWithin = time.Second

// manners judges, at the web's side, how a crawler treats each host: one request
// at a time, the pause that the host wants after each, and none while it has
// asked to be left alone.
//
// A request whose client was killed ends with its connection. Its end is then
// not known to the moment, so what is measured is the pause since its beginning.
type manners struct {
	mu    sync.Mutex
	hosts map[int]*guest
}

// guest is what is known of a host's visitor.
type guest struct {
	last  *call
	until time.Time
	calls int
}

// call is a request.
type call struct {
	ctx        context.Context // of the request: it ends when the client has gone
	began, end time.Time
	ended      chan struct{}
	gone       bool
}

// enter judges a request to a host that wants a pause, and returns what to call
// at its end, and how many requests came before. An offence is told where there
// is one.
func (m *manners) enter(ctx context.Context, host int, pause time.Duration) (leave func(alone time.Duration), before int, offence string) {
	c := &call{ctx: ctx, began: time.Now(), ended: make(chan struct{})}
	m.mu.Lock()
	if m.hosts == nil {
		m.hosts = map[int]*guest{}
	}
	g := m.hosts[host]
	if g == nil {
		g = &guest{}
		m.hosts[host] = g
	}
	last, until, before := g.last, g.until, g.calls
	g.last, g.calls = c, g.calls+1
	m.mu.Unlock()

	switch {
	case last == nil:
	case !last.over():
		offence = fmt.Sprintf("host %d was asked twice at a time", host)
	default:
		since := last.end
		if last.gone {
			since = last.began
		}
		if rest := c.began.Sub(since); rest < pause {
			offence = fmt.Sprintf("host %d was asked again after %s, and wants %s", host, rest.Round(time.Microsecond), pause)
		}
	}
	if left := until.Sub(c.began); left > 0 && offence == "" {
		offence = fmt.Sprintf("host %d was asked %s too early, after it had said when to come again", host, left.Round(time.Microsecond))
	}
	leave = func(alone time.Duration) {
		c.end, c.gone = time.Now(), ctx.Err() != nil
		close(c.ended)
		if alone > 0 {
			m.mu.Lock()
			g.until = c.end.Add(alone)
			m.mu.Unlock()
		}
	}
	return leave, before, offence
}

// over reports whether the request had ended when the next one came: it was
// answered, or its client turns out to be gone.
func (c *call) over() bool {
	select {
	case <-c.ended:
		return true
	default:
	}
	late := time.NewTimer(goneWithin)
	defer late.Stop()
	select {
	case <-c.ended:
	case <-c.ctx.Done():
		<-c.ended
	case <-late.C:
		return false
	}
	return c.gone
}
