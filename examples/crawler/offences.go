package main

import (
	"slices"
	"sync"
)

// mostOffences bounds what is remembered of what is wrong.
const mostOffences = 20

// offences are the first things that are wrong. The zero value is none; it may
// be used by many goroutines.
type offences struct {
	mu    sync.Mutex
	first []string
}

func (o *offences) add(offence string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.first) < mostOffences {
		o.first = append(o.first, offence)
	}
}

func (o *offences) told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.first)
}
