package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/bench/internal/process"
)

// TestMain is also what the benchmark starts of itself: a server, readers or a
// broker, when the test's binary is called as one.
func TestMain(m *testing.M) {
	if isRole(os.Args[1:]) {
		process.Main(dispatch)
		return
	}
	// The race detector makes each process wait for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// ownProcess is this process, as a command that has begun.
func ownProcess(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	return &exec.Cmd{Process: self}
}
