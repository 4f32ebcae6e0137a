package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheInputWaits: what is on its way is held in memory, so there is a limit
// to it.
func TestTheInputWaits(t *testing.T) {
	c := newCity()
	for name, after := range map[string]struct {
		do    func(check *checker, stop func())
		going bool
	}{
		"for the checker":       {func(check *checker, _ func()) { check.mu.Lock(); clear(check.sent); check.mu.Unlock() }, true},
		"until the input's end": {func(_ *checker, stop func()) { stop() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := newChecker(c, testTopics)
				for range inFlight + 1 {
					check.wrote(1, "v0001", nil)
				}
				d := driver{city: c, check: check}
				input, stop := context.WithCancel(t.Context())
				defer stop()
				vehicles := newTraffic(c, settings{vehicles: 1, every: time.Second}, time.Now())
				went := make(chan bool, 1)
				go func() { went <- d.wait(input, vehicles) }()
				time.Sleep(time.Hour)
				require.Empty(t, went, "it waits for as long as it takes")
				after.do(check, stop)
				require.Equal(t, after.going, <-went)
			})
		})
	}
}

func TestTheInputKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity()
		d := driver{city: c, check: newChecker(c, testTopics)}
		begin := time.Now()
		vehicles := newTraffic(c, settings{vehicles: 20, every: 2 * time.Second}, begin)
		for range 3 * vehicles.slots {
			require.True(t, d.wait(t.Context(), vehicles))
			vehicles.next()
		}
		require.Equal(t, 6*time.Second-100*time.Millisecond, time.Since(begin))
		ended, end := context.WithCancel(t.Context())
		end()
		require.False(t, d.wait(ended, vehicles))
	})
}
