package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sluice/bench/producer/baseline"
)

// process is a program that the benchmark has started.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string // file of its standard error
	out  *bufio.Reader
}

// launch starts a program in dir. It gets no setting from the environment or
// from a file in the working directory that somebody has for other purposes.
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
	p.out = bufio.NewReader(out)
	return p, nil
}

func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") && !strings.HasPrefix(v, "KAFKA_") && !strings.HasPrefix(v, "GOGC=") && !strings.HasPrefix(v, "OTEL_") {
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

// address reads where a baseline listens.
func (p *process) address() (string, error) {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return "", p.explain(err)
	}
	var l baseline.Listening
	if err := json.Unmarshal(line, &l); err != nil {
		return "", p.explain(err)
	}
	return l.Address, nil
}

// ready waits until a service says that it can be used.
func (p *process) ready(ctx context.Context, address string) error {
	go func() { _, _ = io.Copy(io.Discard, p.out) }() // Ends with the process.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close() // Only the status matters.
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("not ready: %s", response.Status)
		}
		select {
		case <-ctx.Done():
			return p.explain(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// explain adds the end of the program's log to an error.
func (p *process) explain(err error) error {
	log, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, err, log[max(0, len(log)-2000):])
}

// stop ends the program, which may take its time to do it well.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // Gone already is fine.
	kill := time.AfterFunc(20*time.Second, p.kill)
	defer kill.Stop()
	_ = p.cmd.Wait() // It was told to end.
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// freePort returns an address for a program to take. Another may be faster.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
