package config

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Linger is how long a service that was told to stop goes on serving, so that
// proxies notice. Where there are none, such as on a developer's machine, it
// need not.
const Linger = 2 * time.Second

// sameSignal is how long after the first signal another one is taken for it.
const sameSignal = time.Second

// UntilSignal returns a context that ends with the first SIGINT or SIGTERM, for
// the work to drain. A signal that comes a second or more later ends the
// process at once; before that it is taken for the same one, since supervisors
// and terminals send it twice, to the process and to its group.
func UntilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	return ctx
}

// StayInContainer makes the collector keep the process below the memory limit
// of its container, where that is lower than the limit in force, such as that
// of GOMEMLIMIT.
func StayInContainer() {
	ours := debug.SetMemoryLimit(-1)
	if theirs, err := memlimit.Set(); err == nil && theirs > ours {
		debug.SetMemoryLimit(ours)
	}
}
