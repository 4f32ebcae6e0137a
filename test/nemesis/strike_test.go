//go:build unix

package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/test/harm/harmtest"
)

// newTestFleet starts members that are the test's binary, acting as told.
func newTestFleet(t *testing.T, as harmtest.Role, members int) *fleet {
	t.Helper()
	harmtest.ActAs(t, as)
	binary, err := os.Executable()
	require.NoError(t, err)
	f := newFleet(binary, t.TempDir(), memberOptions{}, 1)
	t.Cleanup(f.kill)
	for member := range members {
		require.NoError(t, f.start(member))
	}
	return f
}

// complaints of all processes; they are ended.
func complaints(f *fleet) []string {
	f.kill()
	var all []string
	for _, p := range f.all {
		if why := p.Complaint(); why != "" {
			all = append(all, why)
		}
	}
	return all
}

func TestFaultsOfMembers(t *testing.T) {
	for _, c := range []struct {
		fault  fault
		starts int // of processes, in all
	}{
		{fault{kind: killMember, member: 1}, 3},
		{fault{kind: stopMember, member: 1}, 3},
		{fault{kind: freezeMember, member: 1, lasts: time.Nanosecond}, 2},
		{fault{kind: extraMember, member: 2}, 3},
		{fault{kind: extraMember, member: 2, brutal: true}, 3},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			f := newTestFleet(t, harmtest.Obedient, 2)
			require.NoError(t, targets{fleet: f}.strike(t.Context(), []fault{c.fault}))
			require.Len(t, f.all, c.starts)
			require.Len(t, f.running(), 2)
			require.Same(t, f.of(0), f.all[0], "the others are not touched")
			f.stop()
			require.Empty(t, f.running())
			require.Empty(t, complaints(f))
		})
	}
}

func TestProcessesThatEndBadly(t *testing.T) {
	t.Run("by themselves", func(t *testing.T) {
		f := newTestFleet(t, harmtest.Dying, 1)
		<-f.of(0).Exited()
		require.NoError(t, f.restartFallen(1))
		<-f.of(0).Exited()
		require.Equal(t, []string{"member-1.1 ended by itself: exit status 4", "member-1.2 ended by itself: exit status 4"}, complaints(f))
	})
	t.Run("without having written anything", func(t *testing.T) {
		f := newTestFleet(t, harmtest.Dying, 1)
		<-f.of(0).Exited()
		_, unclean, err := f.report()
		require.ErrorIs(t, err, os.ErrNotExist)
		require.Len(t, unclean, 1)
	})
	t.Run("killed before they could write anything", func(t *testing.T) {
		f := newTestFleet(t, harmtest.Obedient, 1)
		f.kill()
		starts, unclean, err := f.report()
		require.NoError(t, err)
		require.Empty(t, unclean)
		require.Equal(t, []start{{name: "member-1.1"}}, starts)
	})
}

func TestFaultsOfTheBroker(t *testing.T) {
	b := harmtest.Victim(t, harmtest.Broker(t))
	before, err := b.PID(t.Context())
	require.NoError(t, err)
	require.NoError(t, targets{kafka: b}.strike(t.Context(), []fault{{kind: freezeBroker, lasts: time.Nanosecond}}))
	same, err := b.PID(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, same)
	require.NoError(t, targets{kafka: b}.strike(t.Context(), []fault{{kind: killBroker}}))
	after, err := b.PID(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}
