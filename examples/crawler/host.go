package main

import (
	"context"
	"time"
)

// host is what the crawler knows of one host. Only its lane uses it.
type host struct {
	seen     map[address]bool
	pages    int64
	recorded bool // robots is in the table

	// What follows is of no consequence for what is written, and stays whether a
	// record ends well or not.
	robots   *robots   // nil: not read yet
	last     time.Time // the end of the last request
	until    time.Time // it has asked to be left alone
	refused  int       // since its last page
	failures map[address]int
}

// newHost returns a host of a partition that came at a time. Whatever its owner
// before had asked of the host until then, and even if it was killed at it, the
// host has its pause: the longest that is obeyed.
func newHost(opened time.Time) *host {
	return &host{seen: map[address]bool{}, failures: map[address]int{}, last: opened, until: opened.Add(longestDelay)}
}

// ask waits for the host's turn, and asks it for an address.
func (h *host) ask(ctx context.Context, f fetcher, via string, a address) (answer, error) {
	turn := h.last.Add(h.delay())
	if h.until.After(turn) {
		turn = h.until
	}
	if err := sleep(ctx, time.Until(turn)); err != nil {
		return answer{}, err
	}
	got, err := f.get(ctx, via, a)
	h.last = time.Now()
	if pause, ok := got.later(h.last); ok {
		h.until = h.last.Add(pause)
		h.refused++
	}
	return got, err
}

// delay is how long the host is left alone after a request: as long as can be
// while nobody knows what it wants.
func (h *host) delay() time.Duration {
	if h.robots == nil {
		return longestDelay
	}
	return h.robots.Delay
}

// sleep waits, or returns the context's error once that has ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
