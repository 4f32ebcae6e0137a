package main

import (
	"fmt"
	"sync"
	"time"
)

// manners judges, at the web's side, how a crawler treats one host: one request
// at a time, and none while the host wants to be left alone. A request whose
// client was killed is over when its connection is.
type manners struct {
	mu       sync.Mutex
	open     int       // requests
	next     time.Time // when the host may be asked again
	requests int
}

// enter judges a request, and returns how many came before. An offence is told
// where there is one. leave has to be called at the end.
func (m *manners) enter() (before int, offence string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if early := time.Until(m.next); early > 0 {
		offence = fmt.Sprintf("was asked %s too early", early.Round(time.Microsecond))
	}
	if m.open > 0 {
		offence = "was asked twice at a time"
	}
	m.open++
	m.requests++
	return m.requests - 1, offence
}

// leave ends a request. The host wants to be left alone from now on.
func (m *manners) leave(alone time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open--
	m.next = time.Now().Add(alone)
}
