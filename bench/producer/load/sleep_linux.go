package load

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// sleep sleeps in the kernel, which is some tens of microseconds late.
func sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	left := unix.NsecToTimespec(int64(d))
	for errors.Is(unix.Nanosleep(&left, &left), unix.EINTR) {
		continue // Go's scheduler sends signals to its threads.
	}
}
