//go:build !linux

package main

import (
	"errors"
	"time"
)

func (p *process) processorTime() (time.Duration, error) {
	return 0, errors.New("processor time of " + p.name + ": this benchmark needs Linux")
}
