package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory returns the resident memory of the program in bytes: now, and at its
// highest.
func (p *Process) Memory() (now, peak int64, err error) {
	if now, peak, err = Memory(p.Cmd.Process.Pid); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	return now, peak, nil
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
