package process

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime is how much all threads of the program have used so far, in
// the system too. It is read from the process's own clock, to the nanosecond:
// /proc/PID/stat counts hundredths of a second, which is coarse for a run of
// half a second.
func (p *Process) ProcessorTime() (time.Duration, error) {
	// As clock_getcpuclockid(3) makes it: the process in the upper bits, and
	// the clock of the scheduler.
	const scheduler = 2
	clock := int32(^p.Cmd.Process.Pid<<3 | scheduler)
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.Name, err)
	}
	return time.Duration(t.Nano()), nil
}
