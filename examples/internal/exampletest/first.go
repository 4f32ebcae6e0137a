//go:build unix

package exampletest

import (
	"bufio"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// first is the process that drives and checks.
type first struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}
	kafka  chan string // where it is
	err    error       // of its end; after exited

	mu       sync.Mutex
	out, log []string
}

// banner is the line that says where Kafka is.
var banner = regexp.MustCompile(`^ +Kafka +(\S+)`)

func startFirst(t *testing.T, args []string) *first {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...) //nolint:gosec // G204: it is the test's own binary.
	f := &first{t: t, cmd: cmd, exited: make(chan struct{}), kafka: make(chan string, 1)}
	var err error
	f.stdin, err = f.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := f.cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := f.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, f.cmd.Start())
	go func() { // Ends with the process.
		defer close(f.exited)
		var reading sync.WaitGroup
		reading.Go(func() { f.read(stdout, func(line string) { f.out = append(f.out, line) }) })
		reading.Go(func() {
			f.read(stderr, func(line string) {
				f.log = append(f.log, line)
				if m := banner.FindStringSubmatch(line); m != nil {
					select {
					case f.kafka <- m[1]:
					default: // It was said before.
					}
				}
			})
		})
		reading.Wait()
		f.err = f.cmd.Wait()
	}()
	return f
}

// read hands lines over, however long they are.
func (f *first) read(r io.Reader, line func(string)) {
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadString('\n')
		if text != "" {
			f.mu.Lock()
			line(strings.TrimSuffix(text, "\n"))
			f.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// awaitBrokers returns where Kafka is, once the services run.
func (f *first) awaitBrokers() string {
	f.t.Helper()
	select {
	case brokers := <-f.kafka:
		return brokers
	case <-f.exited:
		f.t.Fatal("the first process has ended before its services ran")
	case <-time.After(spare):
		f.t.Fatalf("the services did not run within %s", spare)
	}
	return ""
}

// begin lets the input begin.
func (f *first) begin() {
	f.t.Helper()
	_, err := io.WriteString(f.stdin, "go\n")
	require.NoError(f.t, err)
}

// wait returns the exit code and the last line of standard output.
func (f *first) wait(limit time.Duration) (code int, last string) {
	f.t.Helper()
	select {
	case <-f.exited:
	case <-time.After(limit):
		f.t.Fatalf("the first process has not ended within %s", limit)
	}
	if len(f.out) > 0 {
		last = f.out[len(f.out)-1]
	}
	if exit, ok := errors.AsType[*exec.ExitError](f.err); ok {
		return exit.ExitCode(), last
	}
	require.NoError(f.t, f.err)
	return 0, last
}

// kill ends the process if it has not ended, and shows what it has said where
// the test has failed.
func (f *first) kill() {
	_ = f.cmd.Process.Kill() // One that has ended needs none.
	<-f.exited
	if f.t.Failed() {
		f.t.Logf("the first process:\n%s\n%s", tail(strings.Join(f.log, "\n")), strings.Join(f.out, "\n"))
	}
}

// tail is the end of a log.
func tail(log string) string {
	const most = 20_000
	if len(log) <= most {
		return log
	}
	return "…" + log[len(log)-most:]
}
