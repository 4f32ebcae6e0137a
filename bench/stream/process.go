package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that the benchmark has started.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // file of its standard error
	in    io.WriteCloser
	lines *json.Decoder
}

// launch starts this program in another role, in dir. It gets no setting from
// the environment that somebody has for other purposes.
func launch(dir, name, program string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, strings.Map(plain, name)+".log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The program has its own.
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir, p.cmd.Stderr, p.cmd.Env = dir, log, environment()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.lines = json.NewDecoder(out)
	return p, nil
}

// launchWith starts a role that gets what it has to do as JSON.
func launchWith(dir, name, program, role string, spec any) (*process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return launch(dir, name, program, role, string(text))
}

func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") && !strings.HasPrefix(v, "KAFKA_") && !strings.HasPrefix(v, "GOGC=") &&
			!strings.HasPrefix(v, "GOMEMLIMIT=") && !strings.HasPrefix(v, "OTEL_") {
			env = append(env, v)
		}
	}
	return env
}

// plain replaces what a file or a topic should not have in its name.
func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// read waits for the next line that the program writes.
func (p *process) read(line any) error {
	if err := p.lines.Decode(line); err != nil {
		return p.explain(fmt.Errorf("what it did: %w", err))
	}
	return nil
}

// write sends the program a line.
func (p *process) write(line any) error {
	if err := json.NewEncoder(p.in).Encode(line); err != nil {
		return p.explain(fmt.Errorf("tell it what to do: %w", err))
	}
	return nil
}

// explain adds the end of the program's log to an error. A program that has
// failed has a moment to say why.
func (p *process) explain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) {
		p.stop()
	}
	log, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, err, log[max(0, len(log)-2000):])
}

// stop ends the program, which may take its time to do it well. Several calls
// are as good as one.
func (p *process) stop() { p.end(syscall.SIGTERM, 20*time.Second) }

// kill ends the program at once.
func (p *process) kill() { p.end(syscall.SIGKILL, 20*time.Second) }

func (p *process) end(s syscall.Signal, patience time.Duration) {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.in.Close()            // What waits for a line sees that there is none.
	_ = p.cmd.Process.Signal(s) // Gone already is fine.
	kill := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait() // It was told to end.
}

// memory returns the resident memory of the process in bytes.
func (p *process) memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of %s, which needs Linux: %w", p.name, err)
	}
	return parseResident(string(status))
}

// parseResident reads the resident memory of proc_pid_status(5).
func parseResident(status string) (int64, error) {
	const name = "VmRSS"
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
