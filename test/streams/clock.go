//go:build unix

package main

import "time"

// clock tells how long the run has been under way.
type clock struct{ begun time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) now() time.Duration { return time.Since(c.begun) }
