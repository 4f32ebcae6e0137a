//go:build !linux

package process

import (
	"errors"
	"time"
)

// ProcessorTime fails: other systems have no clock of another process.
func (p *Process) ProcessorTime() (time.Duration, error) {
	return 0, errors.New("processor time of " + p.Name + ": this benchmark needs Linux")
}
