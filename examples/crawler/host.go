package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// host is what the crawler knows of one host. Only its lane uses it.
type host struct {
	seen  map[address]bool
	pages int64

	// What follows is of no consequence for what is written, and stays whether a
	// record ends well or not.
	robots  *robots   // nil: not read yet
	next    time.Time // when it may be asked again
	refused int       // how often it said "later" since its last page
}

// newHost returns a host of a partition that came at a time. Whatever its owner
// before had asked of the host until then, and even if it was killed at it, the
// host has its pause: the longest that is obeyed.
func newHost(opened time.Time) *host {
	return &host{seen: map[address]bool{}, next: opened.Add(longestDelay)}
}

// ask waits for the host's turn, and asks it for an address: again and again
// while it says to come later. That holds up nobody else, and is no attempt.
func (h *host) ask(ctx context.Context, client *http.Client, via string, a address) (answer, error) {
	delay := longestDelay // Nobody knows yet what it wants.
	if h.robots != nil {
		delay = h.robots.delay
	}
	for {
		if err := sleep(ctx, time.Until(h.next)); err != nil {
			return answer{}, err
		}
		got, err := fetch(ctx, client, via, a)
		pause, later := got.later()
		h.next = time.Now().Add(max(delay, pause))
		if !later {
			return got, err
		}
		h.refused++
	}
}

// readRobots asks the host what it wants, the first time. Without an answer
// nothing else is asked of it (RFC 9309, 2.3.1.4).
func (h *host) readRobots(ctx context.Context, client *http.Client, via, name string) error {
	if h.robots != nil {
		return nil
	}
	got, err := h.ask(ctx, client, via, address{host: name, path: "/robots.txt"})
	switch {
	case err != nil:
		return fmt.Errorf("robots.txt: %w", err)
	case got.status == http.StatusOK:
		h.robots = parseRobots(string(got.body))
	case got.status >= 400 && got.status < 500:
		h.robots = parseRobots("") // The host asks for nothing.
	default:
		return fmt.Errorf("robots.txt: the answer is %d", got.status)
	}
	h.next = time.Now().Add(h.robots.delay)
	return nil
}

// sleep waits, or returns the context's error once that has ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
