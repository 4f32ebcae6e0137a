package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestManners(t *testing.T) {
	const pause = 100 * time.Millisecond
	tests := []struct {
		name    string
		before  func(m *manners)
		offence string
	}{
		{"the first request", func(*manners) {}, ""},
		{"after the pause", func(m *manners) {
			m.enter()
			time.Sleep(time.Second)
			m.leave(pause)
			time.Sleep(pause)
		}, ""},
		{"too soon", func(m *manners) {
			m.enter()
			time.Sleep(time.Second)
			m.leave(pause)
			time.Sleep(pause - 1)
		}, "too early"},
		{"two at a time", func(m *manners) { m.enter() }, "twice at a time"},
		{"two at a time, and a third that has ended", func(m *manners) {
			m.enter()
			m.enter()
			m.leave(0)
		}, "twice at a time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &manners{}
				tt.before(m)
				_, got := m.enter()
				require.Equal(t, tt.offence == "", got == "", got)
				require.Contains(t, got, tt.offence)
			})
		})
	}
}

// A request of a client that dies is over with its connection: whoever comes
// after it is not blamed, unless too soon.
func TestMannersOfOneThatDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		ask := func(patience time.Duration) error {
			l.client.Timeout = patience
			_, err := fetch(t.Context(), l.client, "127.0.0.1:8020", mustAddress(pageOf(4, 0)))
			return err
		}
		require.Error(t, ask(l.web.pause/2), "the host is slow")
		time.Sleep(l.web.pause)
		require.NoError(t, ask(patience))
		require.Empty(t, l.web.offences.told())
		require.Error(t, ask(l.web.pause/2))
		require.Len(t, l.web.offences.told(), 1)
	})
}
