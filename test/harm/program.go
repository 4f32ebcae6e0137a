//go:build unix

package harm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main is the main function of a checker: it runs it with the arguments of the
// command line until it is done, or told to end by a signal. An error goes to
// standard error and ends the process with status 1.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// BeChild makes this process the child of one that has called Start: it ends at
// once, with status 1, when that one has gone, even by SIGKILL, since it would
// go on for ever otherwise. The result is to be called when this process is up.
func BeChild() (up func()) {
	go func() { // Ends with the process.
		_, _ = io.Copy(io.Discard, os.Stdin)
		fmt.Fprintln(os.Stderr, "the checker has gone")
		os.Exit(1)
	}()
	return func() { fmt.Println() }
}
