//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// now is the machine's monotonic clock, CLOCK_MONOTONIC: all processes of the
// machine have the same, it is never stepped, and it goes on while a process is
// frozen. What members and the nemesis note is compared by it.
func now() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // It fails for an unknown clock or a bad address only.
	return time.Duration(t.Nano())
}
