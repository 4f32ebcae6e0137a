//go:build unix

package harm

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

// Process is a child process. Its methods may be called by many goroutines.
type Process struct {
	// Name is what complaints call it.
	Name string
	cmd  *exec.Cmd
	// stdin is held open: the process ends when we have gone.
	stdin      io.Closer
	up, exited chan struct{}
	err        error // of its end; after exited

	mu     sync.Mutex
	killed bool // by us
	told   bool // to end
}

// Start starts a program, args[0] with the rest of args. Its standard error goes
// to logFile, which must not exist. Its standard input stays open for as long as
// we live; see BeChild for its side. It has to be ended by Kill or Stop.
func Start(name, logFile string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	p := &Process{Name: name, cmd: exec.Command(args[0], args[1:]...), up: make(chan struct{}), exited: make(chan struct{})}
	p.cmd.Stderr = log
	// Ctrl-C is meant for the checker, which ends its children itself.
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

// Up is closed when the process has said that it is up.
func (p *Process) Up() <-chan struct{} { return p.up }

// Exited is closed when the process has ended, however it did.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

func (p *Process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // One that has ended needs none.

// Kill ends the process now, also one that is frozen, and waits for that.
func (p *Process) Kill() {
	p.doom(&p.killed)
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Stop asks the process to end by SIGTERM, and waits for it; one that has not
// ended after thirty seconds is killed.
func (p *Process) Stop() {
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

// FreezeFor has the process stand still for a while, which is shorter when ctx
// ends.
func (p *Process) FreezeFor(ctx context.Context, frozen time.Duration) {
	p.signal(syscall.SIGSTOP)
	Sleep(ctx, frozen)
	p.signal(syscall.SIGCONT)
}

// doom notes why the process ends, unless it has ended by itself before.
func (p *Process) doom(why *bool) {
	if !p.Running() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	*why = true
}

// Killed reports whether the process was ended by Kill.
func (p *Process) Killed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// Complaint says what was not clean about the end of the process, or nothing: it
// has ended by itself, or with an error after Stop. The process has ended.
func (p *Process) Complaint() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed:
		return ""
	case !p.told:
		return fmt.Sprintf("%s ended by itself: %v", p.Name, p.cmd.ProcessState)
	case p.err != nil:
		return fmt.Sprintf("%s was told to stop and ended with: %v", p.Name, p.cmd.ProcessState)
	}
	return ""
}
