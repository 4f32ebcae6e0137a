package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sluice/record"
)

const (
	// deepest is how many segments a path may have.
	deepest = 8
	// concurrency is more than there are hosts: a lane that waits for its
	// host's turn holds a worker.
	concurrency = 256
)

// state is what the crawler remembers of one partition of the frontier: the
// hosts whose keys are there.
type state struct {
	topics topics
	client *http.Client
	opened time.Time

	mu    sync.Mutex // of the map; each host has a lane of its own
	hosts map[string]*host
}

func newState(t topics, client *http.Client) *state {
	return &state{topics: t, client: client, opened: time.Now(), hosts: map[string]*host{}}
}

func (s *state) host(name string) *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts[name] == nil {
		s.hosts[name] = newHost(s.opened)
	}
	return s.hosts[name]
}

// Restore takes in what Handle has returned for the table: visits by their URLs.
func (s *state) Restore(r *record.Record) error {
	a, err := parseAddress(address{}, string(r.Key))
	if err != nil {
		return fmt.Errorf("the key %q of offset %d of %s: %w", r.Key, r.Offset, r.Topic, err)
	}
	h := s.host(a.host)
	if r.Value == nil {
		delete(h.seen, a) // Somebody wants it to be fetched again.
		return nil
	}
	var v visit
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return fmt.Errorf("the value of offset %d of %s: %w", r.Offset, r.Topic, err)
	}
	h.seen[a] = true
	h.pages = max(h.pages, v.N)
	return nil
}

// Handle fetches the page of a task, unless it was seen, and returns it with its
// links as new tasks. It is called for one record of a host at a time, so that
// nobody else asks the host meanwhile.
func (s *state) Handle(ctx context.Context, r *record.Record) ([]record.Record, error) {
	a, via, err := parseTask(r)
	if err != nil {
		return nil, err
	}
	h := s.host(a.host)
	if h.seen[a] {
		return nil, nil
	}
	o, err := s.visit(ctx, h, via, a)
	if err != nil {
		return nil, err
	}
	return s.results(h, via, a, o), nil
}

// visit asks the host for an address, if it wants to be asked.
func (s *state) visit(ctx context.Context, h *host, via string, a address) (outcome, error) {
	if a.depth() > deepest {
		return outcome{visit: visit{Outcome: outcomeTooDeep}}, nil
	}
	if err := h.readRobots(ctx, s.client, via, a.host); err != nil {
		return outcome{}, err
	}
	if !h.robots.allow(a.request()) {
		return outcome{visit: visit{Outcome: outcomeDisallowed}}, nil
	}
	got, err := h.ask(ctx, s.client, via, a)
	if err != nil {
		return outcome{}, err
	}
	return read(a, got)
}

// results notes what became of a URL, and makes the records that say so. Nothing
// can fail any more.
func (s *state) results(h *host, via string, a address, o outcome) (made []record.Record) {
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
	o.visit.N = h.pages
	return append(made, encode(s.topics.seen, a.String(), o.visit))
}
