//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newTestFleet starts members that are the test's binary, acting as told.
func newTestFleet(t *testing.T, as string, members int) *fleet {
	t.Helper()
	t.Setenv(actAs, as)
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
		if why := p.complaint(); why != "" {
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
			f := newTestFleet(t, "obedient", 2)
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

// A frozen process really stands still, and one that is broken off goes on.
func TestAFrozenMember(t *testing.T) {
	f := newTestFleet(t, "obedient", 1)
	p := f.of(0)
	<-p.up
	ctx, breakOff := context.WithCancel(t.Context())
	over := make(chan error)
	go func() {
		over <- targets{fleet: f}.strike(ctx, []fault{{kind: freezeMember, lasts: time.Hour}})
	}()
	stopped := func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		require.NoError(t, err)
		_, state, _ := strings.Cut(string(text), ") ")
		return strings.HasPrefix(state, "T")
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		require.Eventually(t, stopped, time.Minute, 5*time.Millisecond)
	}
	breakOff()
	require.NoError(t, <-over)
	f.stop()
	require.Empty(t, complaints(f))
}

func TestProcessesThatEndBadly(t *testing.T) {
	t.Run("by themselves", func(t *testing.T) {
		f := newTestFleet(t, "dying", 1)
		<-f.of(0).exited
		require.NoError(t, f.restartFallen(1))
		<-f.of(0).exited
		f.of(0).kill() // Too late to be the reason.
		require.Equal(t, []string{"member-1.1 ended by itself: exit status 4", "member-1.2 ended by itself: exit status 4"}, complaints(f))
	})
	t.Run("when told to stop", func(t *testing.T) {
		f := newTestFleet(t, "failing", 1)
		f.stop()
		require.Equal(t, []string{"member-1.1 was told to stop and ended with: exit status 3"}, complaints(f))
	})
	t.Run("without having written anything", func(t *testing.T) {
		f := newTestFleet(t, "dying", 1)
		<-f.of(0).exited
		_, unclean, err := f.report()
		require.ErrorIs(t, err, os.ErrNotExist)
		require.Len(t, unclean, 1)
	})
	t.Run("killed before they could write anything", func(t *testing.T) {
		f := newTestFleet(t, "obedient", 1)
		f.kill()
		starts, unclean, err := f.report()
		require.NoError(t, err)
		require.Empty(t, unclean)
		require.Equal(t, []start{{name: "member-1.1"}}, starts)
	})
}

// newTestBroker starts a process that takes connections, and says how it can
// be found and started again.
func newTestBroker(t *testing.T) kafka {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	k := kafka{
		brokers: address,
		pid:     "cat " + pid,
		start: fmt.Sprintf("%s=broker %s %s >/dev/null 2>&1 </dev/null & echo $! >%s; until (: </dev/tcp/%s) 2>/dev/null; do sleep 0.02; done",
			actAs, os.Args[0], address, pid, strings.Replace(address, ":", "/", 1)),
		log: filepath.Join(dir, "log"),
	}
	require.NoError(t, k.revive(t.Context()))
	t.Cleanup(func() {
		if n, err := k.process(context.Background()); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	})
	return k
}

func TestFaultsOfTheBroker(t *testing.T) {
	k := newTestBroker(t)
	before, err := k.process(t.Context())
	require.NoError(t, err)
	answers := func() error {
		conn, err := net.Dial("tcp", k.brokers)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	require.NoError(t, targets{kafka: k}.strike(t.Context(), []fault{{kind: freezeBroker, lasts: time.Nanosecond}}))
	require.NoError(t, answers())
	same, err := k.process(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, same)

	require.NoError(t, k.kill(t.Context()))
	require.ErrorIs(t, answers(), syscall.ECONNREFUSED)
	require.NoError(t, k.revive(t.Context()))

	require.NoError(t, targets{kafka: k}.strike(t.Context(), []fault{{kind: killBroker}}))
	require.NoError(t, answers())
	after, err := k.process(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

func TestABrokerThatCannotBeHarmed(t *testing.T) {
	k := newTestBroker(t)
	victim := newTestFleet(t, "obedient", 1).of(0)
	wrong := k
	wrong.pid = "echo " + strconv.Itoa(victim.cmd.Process.Pid)
	t.Run("no such process any more", func(t *testing.T) {
		gone := k
		gone.pid = "bash -c 'echo $$'"
		require.ErrorIs(t, gone.signal(t.Context(), syscall.SIGSTOP), syscall.ESRCH)
	})
	t.Run("the start fails", func(t *testing.T) {
		broken := k
		broken.start = "echo no luck; exit 3"
		require.ErrorContains(t, broken.revive(t.Context()), "exit status 3")
		said, err := os.ReadFile(k.log)
		require.NoError(t, err)
		require.Contains(t, string(said), "no luck")
	})
	t.Run("another process than the broker", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		require.ErrorContains(t, wrong.kill(ctx), "is KAFKA_PID the process of KAFKA_BROKERS?")
	})
}
