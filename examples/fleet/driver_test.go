package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheInputWaits: what is on its way is held in memory, so there is a limit
// to it.
func TestTheInputWaits(t *testing.T) {
	for name, after := range map[string]struct {
		do   func(check *checker, stop func())
		more bool
	}{
		"for the checker":       {func(check *checker, _ func()) { check.mu.Lock(); clear(check.sent); check.mu.Unlock() }, true},
		"until the input's end": {func(_ *checker, stop func()) { stop() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := driver{check: newChecker(newCity(), testTopics)}
			for range inFlight + 1 {
				d.check.wrote(message{vehicle: "v0001"})
			}
			input, stop := context.WithCancel(t.Context())
			defer stop()
			clock, over := make(chan time.Time), make(chan bool, 1)
			go func() {
				_, more := d.wait(input, clock)
				over <- more
			}()
			for range 3 { // The third is taken when the second was too early.
				clock <- written
			}
			require.Empty(t, over)
			after.do(d.check, stop)
			for {
				select {
				case clock <- written:
				case more := <-over:
					require.Equal(t, after.more, more)
					return
				}
			}
		})
	}
}
