//go:build unix

package harm

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Now is the machine's monotonic clock, CLOCK_MONOTONIC: all processes of the
// machine have the same, it is never stepped, and it goes on while a process is
// frozen. What different processes note can be compared by it.
func Now() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // It fails for an unknown clock or a bad address only.
	return time.Duration(t.Nano())
}

// Clock tells how long a run has been under way.
type Clock struct{ begun time.Duration }

// NewClock begins now.
func NewClock() Clock { return Clock{Now()} }

// Passed is the time since the clock was made.
func (c Clock) Passed() time.Duration { return Now() - c.begun }

// Say tells whoever watches, with the minutes and seconds that have passed.
func (c Clock) Say(out io.Writer, format string, args ...any) {
	passed := c.Passed().Round(time.Second)
	Tell(out, "%02d:%02d  %s\n", int(passed.Minutes()), int(passed.Seconds())%60, fmt.Sprintf(format, args...))
}

// Tell tells whoever watches. A reader that has gone does not end the run.
func Tell(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format, args...)
}

// Seconds is a pause as a number of seconds, for people.
func Seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

// Sleep waits, and reports whether ctx has not ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
