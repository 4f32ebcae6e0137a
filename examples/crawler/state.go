package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sluice/consumer"
	"sluice/record"
)

const (
	// deepest is how many segments a path may have.
	deepest = 8
	// mostFailures is how often a page may fail before it is given up.
	mostFailures = 3
	// concurrency is more than there are hosts: a lane that waits for its
	// host's turn holds a worker.
	concurrency = 256
)

// state is what the crawler remembers of one partition of the frontier: the
// hosts whose keys are there.
type state struct {
	topics  topics
	fetcher fetcher
	opened  time.Time

	mu    sync.Mutex // of the map; each host has a lane of its own
	hosts map[string]*host
}

func newState(t topics, f fetcher) *state {
	return &state{topics: t, fetcher: f, opened: time.Now(), hosts: map[string]*host{}}
}

func (s *state) host(name string) *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts[name] == nil {
		s.hosts[name] = newHost(s.opened)
	}
	return s.hosts[name]
}

// Restore takes in what Handle has returned for the table: visits by their URLs,
// and what a host wants by its name.
func (s *state) Restore(r *record.Record) error {
	var v visit
	if r.Value != nil {
		if err := json.Unmarshal(r.Value, &v); err != nil {
			return fmt.Errorf("the value of offset %d of %s: %w", r.Offset, r.Topic, err)
		}
	}
	if name := string(r.Key); hostName.MatchString(name) {
		h := s.host(name)
		h.robots, h.recorded = v.Robots, v.Robots != nil
		return nil
	}
	a, err := parseAddress(nil, string(r.Key))
	if err != nil {
		return fmt.Errorf("the key %q of offset %d of %s: %w", r.Key, r.Offset, r.Topic, err)
	}
	h := s.host(a.host)
	if r.Value == nil {
		delete(h.seen, a) // Somebody wants it to be fetched again.
		return nil
	}
	h.seen[a] = true
	h.pages = max(h.pages, v.N)
	return nil
}

// Handle fetches the page of a task, unless it was seen, and returns it with its
// links as new tasks. It is called for one record of a host at a time, so that
// nobody else asks the host meanwhile.
func (s *state) Handle(ctx context.Context, r *record.Record) ([]record.Record, error) {
	a, t, err := parseTask(r)
	if err != nil {
		return nil, err
	}
	h := s.host(a.host)
	if h.seen[a] {
		return nil, nil
	}
	o := outcome{visit: visit{Host: a.host, Outcome: outcomeTooDeep}}
	if a.depth() <= deepest {
		if o, err = s.visit(ctx, h, t.Via, a); err != nil {
			return nil, err
		}
	}
	return s.results(h, t.Via, a, o), nil
}

// outcome is what became of a URL.
type outcome struct {
	visit visit
	page  *page
	found []address
}

// visit asks the host for an address, if it wants to be asked.
func (s *state) visit(ctx context.Context, h *host, via string, a address) (outcome, error) {
	o := outcome{visit: visit{Host: a.host, Outcome: outcomeDisallowed}}
	if err := s.readRobots(ctx, h, via, a.host); err != nil {
		return o, err
	}
	if !h.robots.allow(a.request()) {
		return o, nil
	}
	got, err := h.ask(ctx, s.fetcher, via, a)
	if err == nil {
		o, err = read(a, got)
	}
	pause, later := got.later(h.last)
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, errAway):
		return o, consumer.Hold(err, time.Second)
	case later:
		return o, consumer.RetryAfter(err, pause)
	case errors.Is(err, errTooLarge), errors.Is(err, errNotUTF8):
		return o, consumer.Undecodable(err)
	case ctx.Err() != nil:
		return o, err
	}
	if h.failures[a]++; h.failures[a] < mostFailures {
		return o, err
	}
	delete(h.failures, a) // A redrive begins anew.
	return o, consumer.Permanent(fmt.Errorf("after %d attempts: %w", mostFailures, err))
}

// readRobots asks the host what it wants, the first time. Without an answer
// nothing else is asked of it (RFC 9309, 2.3.1.4).
func (s *state) readRobots(ctx context.Context, h *host, via, name string) error {
	if h.robots != nil {
		return nil
	}
	got, err := h.ask(ctx, s.fetcher, via, address{host: name, path: "/robots.txt"})
	pause, later := got.later(h.last)
	switch {
	case errors.Is(err, errAway):
		return consumer.Hold(err, time.Second)
	case err != nil:
		return fmt.Errorf("robots.txt: %w", err)
	case got.status == http.StatusOK:
		rules := parseRobots(string(got.body))
		h.robots = &rules
	case !later && got.status >= 400 && got.status < 500:
		h.robots = &robots{Delay: shortestDelay} // The host asks for nothing.
	default:
		return consumer.RetryAfter(fmt.Errorf("robots.txt: the answer is %d", got.status), pause)
	}
	return nil
}

// results notes what became of a URL, and makes the records that say so. Nothing
// can fail any more.
func (s *state) results(h *host, via string, a address, o outcome) (made []record.Record) {
	if h.robots != nil && !h.recorded {
		h.recorded = true
		made = append(made, encode(s.topics.seen, a.host, visit{Host: a.host, Robots: h.robots}))
	}
	if o.page != nil {
		h.pages++
		o.page.N, o.page.Refused = h.pages, h.refused
		h.refused = 0
		made = append(made, encode(s.topics.pages, a.host, o.page))
	}
	for _, link := range o.found {
		made = append(made, encode(s.topics.frontier, link.host, task{URL: link.String(), Via: via}))
	}
	h.seen[a] = true
	delete(h.failures, a)
	o.visit.N = h.pages
	return append(made, encode(s.topics.seen, a.String(), o.visit))
}
