package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sluice/bench/consumer/member"
)

// process is a program that the benchmark has started.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // file of its standard error
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
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.lines = json.NewDecoder(out)
	return p, nil
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

// end waits for the end of a program that has told all.
func (p *process) end() error {
	if err := p.cmd.Wait(); err != nil {
		return p.explain(err)
	}
	return nil
}

// explain adds the end of the program's log to an error.
func (p *process) explain(err error) error {
	log, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, err, log[max(0, len(log)-2000):])
}

// interrupt tells the program to end.
func (p *process) interrupt() { _ = p.cmd.Process.Signal(syscall.SIGTERM) } // Gone already is fine.

// stop ends the program, which may take its time to do it well.
func (p *process) stop() {
	p.interrupt()
	kill := time.AfterFunc(20*time.Second, p.kill)
	defer kill.Stop()
	_ = p.cmd.Wait() // It was told to end.
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// startMember starts a contestant.
func startMember(dir, name, self string, spec member.Spec) (*process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return launch(dir, name, self, roleMember, string(text))
}
