package main

import (
	"slices"
	"sync"
)

// mostOffences bounds what is remembered of what is wrong; the rest is counted.
const mostOffences = 20

// offences are what is wrong. The zero value is none; it may be used by many
// goroutines.
type offences struct {
	mu    sync.Mutex
	first []string
	count int64
}

func (o *offences) add(offence string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if len(o.first) < mostOffences {
		o.first = append(o.first, offence)
	}
}

// told returns the first of them, and how many there are.
func (o *offences) told() ([]string, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.first), o.count
}
