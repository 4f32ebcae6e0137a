// Package process starts the programs that a benchmark measures, and those that
// it needs: each with its log in a file, without the settings that somebody has
// in the environment for other purposes. It tells what they use of the machine.
// It knows nothing of Kafka and of what is measured.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a program may take to end well.
const patience = 20 * time.Second

// Process is a program that a benchmark has started. One goroutine may use it
// at a time; Signal, Memory and ProcessorTime may be called by others, too.
type Process struct {
	Name  string
	Cmd   *exec.Cmd
	log   string // file of its standard error
	in    io.WriteCloser
	out   io.Reader
	lines *json.Decoder // of out
}

// Launch starts a program in the folder dir, where its log is too.
func Launch(dir, name, program string, args ...string) (*Process, error) {
	p := &Process{Name: name, log: filepath.Join(dir, Plain(name)+".log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The program has its own.
	p.Cmd = exec.Command(program, args...)
	p.Cmd.Dir, p.Cmd.Stderr, p.Cmd.Env = dir, log, Environment()
	if p.out, err = p.Cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if p.in, err = p.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.Cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.lines = json.NewDecoder(p.out)
	return p, nil
}

// LaunchRole starts a program in a role, which is its first argument. What it
// has to do is the second, as JSON.
func LaunchRole(dir, name, program, role string, spec any) (*Process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return Launch(dir, name, program, role, string(text))
}

// Environment is that of this process without what sets up Sluice, the way to
// Kafka, Go's collector or telemetry.
func Environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") && !strings.HasPrefix(v, "KAFKA_") && !strings.HasPrefix(v, "GOGC=") &&
			!strings.HasPrefix(v, "GOMEMLIMIT=") && !strings.HasPrefix(v, "OTEL_") {
			env = append(env, v)
		}
	}
	return env
}

// Plain replaces what a file or a topic should not have in its name: all but
// small letters and digits become a dash.
func Plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name)
}

// Read waits for the next line of JSON that the program writes. The error has
// the end of its log.
func (p *Process) Read(line any) error {
	if err := p.lines.Decode(line); err != nil {
		return p.Explain(fmt.Errorf("what it did: %w", err))
	}
	return nil
}

// Discard reads all that the program writes, and forgets it. Nothing can be
// read after that.
func (p *Process) Discard() {
	go func() { _, _ = io.Copy(io.Discard, p.out) }() // Ends with the program.
}

// Write sends the program a line of JSON.
func (p *Process) Write(line any) error {
	if err := json.NewEncoder(p.in).Encode(line); err != nil {
		return p.Explain(fmt.Errorf("tell it what to do: %w", err))
	}
	return nil
}

// Explain adds the end of the program's log to an error. A program that has
// failed has a moment to say why: where the error is that it reads or writes no
// more, it is ended first.
func (p *Process) Explain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) {
		p.Stop()
	}
	log, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.Name, err, log[max(0, len(log)-2000):])
}

// Wait waits for a program that ends by itself.
func (p *Process) Wait() error {
	if err := p.Cmd.Wait(); err != nil {
		return p.Explain(err)
	}
	return nil
}

// Signal sends a signal and waits for nothing.
func (p *Process) Signal(s syscall.Signal) { _ = p.Cmd.Process.Signal(s) } // Gone already is fine.

// Stop ends the program, which may take its time to do it well. Several calls
// are as good as one.
func (p *Process) Stop() { p.End(syscall.SIGTERM, patience) }

// Kill ends the program at once.
func (p *Process) Kill() { p.End(syscall.SIGKILL, patience) }

// End ends the program with a signal, and kills it when it is still there after
// so long. It returns when the program is gone.
func (p *Process) End(s syscall.Signal, patience time.Duration) {
	if p.Cmd.ProcessState != nil {
		return
	}
	_ = p.in.Close() // What waits for a line sees that there is none.
	p.Signal(s)
	kill := time.AfterFunc(patience, func() { p.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	_ = p.Cmd.Wait() // It was told to end.
}
