package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also what the benchmark starts of itself: a member or a broker,
// when the test's binary is called as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && (os.Args[1] == roleMember || os.Args[1] == roleBroker) {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := dispatch(ctx, os.Args[1:])
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	// The race detector makes each process wait for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
