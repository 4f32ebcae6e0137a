package main

import "fmt"

// idMemory knows of the last requests what has become of them, by account and
// id: what it has forgotten, it cannot compare.
type idMemory struct {
	most  int
	known map[requestKey]*honour
	order []requestKey // the oldest first
}

type requestKey struct{ account, id string }

// honour is a request id's effect. The topics are read side by side, so that
// what a duplicate is told of it may be known before.
type honour struct {
	outcome string
	at      place
	done    bool // it was seen, and not only told of
}

func newIDMemory(most int) *idMemory {
	return &idMemory{most: most, known: map[requestKey]*honour{}}
}

// honoured notes the effect of a request. A second one is an error, and so is
// one that a duplicate was told otherwise.
func (m *idMemory) honoured(asked transfer, at place, outcome string) error {
	h, fresh := m.of(asked)
	if h.done {
		return fmt.Errorf("it was honoured twice, as transfer %s and as %s", h.at, at)
	}
	told := h.outcome
	h.outcome, h.at, h.done = outcome, at, true
	if !fresh && told != outcome {
		return fmt.Errorf("it was %s, and a duplicate is told that it was %s", outcome, told)
	}
	return nil
}

// told notes what a duplicate is told of the first request, and returns what is
// known of it.
func (m *idMemory) told(asked transfer, outcome string) string {
	h, fresh := m.of(asked)
	if fresh {
		h.outcome = outcome
	}
	return h.outcome
}

func (m *idMemory) of(asked transfer) (h *honour, fresh bool) {
	key := requestKey{asked.From, asked.ID}
	if h = m.known[key]; h != nil {
		return h, false
	}
	if len(m.order) == m.most {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	h = new(honour)
	m.known[key] = h
	m.order = append(m.order, key)
	return h, true
}
