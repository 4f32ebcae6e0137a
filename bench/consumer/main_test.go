package main

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
)

// TestMain is also what the benchmark starts of itself: a member or a broker,
// when the test's binary is called as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && (os.Args[1] == roleMember || os.Args[1] == cluster.RoleBroker) {
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
