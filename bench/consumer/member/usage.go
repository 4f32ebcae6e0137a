package member

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processorTime is how much all threads of this process have used so far, in
// the system too.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// Memory returns the resident memory of a process in bytes: now, and at its
// highest. It is read from /proc, because getrusage(2) and wait4(2) count what
// the process was before it became this program: a copy of the one that
// started it, with that one's memory.
func Memory(pid int) (now, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("the memory of a process, which needs Linux: %w", err)
	}
	if now, err = parseStatus(string(status), "VmRSS"); err != nil {
		return 0, 0, err
	}
	peak, err = parseStatus(string(status), "VmHWM")
	return now, peak, err
}

// parseStatus reads one size of proc_pid_status(5).
func parseStatus(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("the status of the process has no %s: it has ended", name)
}
