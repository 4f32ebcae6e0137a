//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopBudget is how long a process may take for a clean end: the service's own
// fifteen seconds, and as much again for a machine that is busy.
const stopBudget = 30 * time.Second

// process is one process of a replica.
type process struct {
	name string
	cmd  *exec.Cmd
	// stdin is held open: the process ends when we have gone.
	stdin io.Closer
	// up is closed when it has said that it is up, exited when it has ended.
	up, exited chan struct{}
	err        error // of its end; after exited

	mu     sync.Mutex
	killed bool // by us
	told   bool // to end
}

// launch starts a program. Its standard error goes to a file.
func launch(name, logFile string, args ...string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	p := &process{name: name, cmd: exec.Command(args[0], args[1:]...), up: make(chan struct{}), exited: make(chan struct{})}
	p.cmd.Stderr = log
	// Ctrl-C is meant for the checker, which ends its replicas itself.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stdin = stdin
	go func() { // Ends with the process.
		defer close(p.exited)
		if n, _ := io.ReadFull(stdout, make([]byte, 1)); n == 1 {
			close(p.up)
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // One that has ended needs none.

// kill ends the process now, also one that is frozen.
func (p *process) kill() {
	p.doom(&p.killed)
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// stop asks the process to end, and waits for it; one that does not is killed.
func (p *process) stop() {
	budget, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	// A signal that comes before the program is ready for it kills.
	select {
	case <-p.up:
	case <-p.exited:
	case <-budget.Done():
	}
	p.doom(&p.told)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-budget.Done():
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// doom notes why the process ends, unless it has ended by itself before.
func (p *process) doom(why *bool) {
	select {
	case <-p.exited:
		return
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	*why = true
}

// complaint says what was not clean about the end of the process, or nothing.
// The process has ended.
func (p *process) complaint() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed:
		return ""
	case !p.told:
		return fmt.Sprintf("%s ended by itself: %v", p.name, p.cmd.ProcessState)
	case p.err != nil:
		return fmt.Sprintf("%s was told to stop and ended with: %v", p.name, p.cmd.ProcessState)
	}
	return ""
}
