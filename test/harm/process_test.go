//go:build unix

package harm_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/test/harm"
	"sluice/test/harm/harmtest"
)

// start starts the test's binary, acting as told.
func start(t *testing.T, role harmtest.Role) *harm.Process {
	t.Helper()
	harmtest.ActAs(t, role)
	p, err := harm.Start("it", filepath.Join(t.TempDir(), "log"), os.Args[0])
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

func TestHowProcessesEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		role harmtest.Role
		end  func(*harm.Process)
		want string
	}{
		{"killed", harmtest.Obedient, (*harm.Process).Kill, ""},
		{"killed while it was frozen", harmtest.Obedient, func(p *harm.Process) {
			<-p.Up()
			_ = syscall.Kill(p.PID(), syscall.SIGSTOP)
			p.Kill()
		}, ""},
		{"stopped", harmtest.Obedient, (*harm.Process).Stop, ""},
		{"stopped, and with an error", harmtest.Failing, (*harm.Process).Stop, "it was told to stop and ended with: exit status 3"},
		{"by itself", harmtest.Dying, func(p *harm.Process) { <-p.Exited() }, "it ended by itself: exit status 4"},
		{"by itself, and killed too late to be the reason", harmtest.Dying, func(p *harm.Process) {
			<-p.Exited()
			p.Kill()
		}, "it ended by itself: exit status 4"},
		{"by itself, and stopped too late to be the reason", harmtest.Dying, func(p *harm.Process) {
			<-p.Exited()
			p.Stop()
		}, "it ended by itself: exit status 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, c.role)
			c.end(p)
			require.False(t, p.Running())
			require.Equal(t, c.want, p.Complaint())
			require.Equal(t, strings.HasPrefix(c.name, "killed"), p.Killed())
		})
	}
}

// A frozen process really stands still, and goes on when the run is broken off.
func TestAFrozenProcess(t *testing.T) {
	p := start(t, harmtest.Obedient)
	<-p.Up()
	ctx, breakOff := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.FreezeFor(ctx, time.Hour)
	}()
	stopped := func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
		require.NoError(t, err)
		_, state, _ := strings.Cut(string(text), ") ")
		return strings.HasPrefix(state, "T")
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		require.Eventually(t, stopped, time.Minute, 5*time.Millisecond)
	}
	require.True(t, p.Running())
	breakOff()
	<-over
	p.Stop()
	require.Empty(t, p.Complaint())
}

func TestWhatCannotBeStarted(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	_, err := harm.Start("it", log, filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = harm.Start("it", log, os.Args[0])
	require.ErrorIs(t, err, os.ErrExist, "the log of another process")
}

// A child does not outlive whoever has started it. Here that one has gone before.
func TestAnOrphan(t *testing.T) {
	harmtest.ActAs(t, harmtest.Obedient)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Stderr = &said
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, said.String(), "the checker has gone")
}
