// Package e2e runs the binary as its users do, and holds what was answered
// against what came out. With KAFKA_BROKERS set the services use that Kafka,
// else the embedded broker.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/record"
)

var binary string

func TestMain(m *testing.M) {
	if os.Getenv(transformInput) != "" {
		os.Exit(runTransform()) // A program of processing_transform_test.go.
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sluice-e2e-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "sluice")
		args := []string{"build", "-o", binary}
		if raceEnabled {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "sluice/cmd/sluice")...)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			return 1
		}
		return m.Run()
	}())
}

// process is a running sluice.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout output
	stderr output
	exited chan struct{}
	err    error
}

// output keeps the lines that a process writes.
type output struct {
	mu    sync.Mutex
	lines []string
}

func (o *output) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			o.mu.Lock()
			o.lines = append(o.lines, strings.TrimSuffix(line, "\n"))
			o.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// start runs the binary in an empty folder, or in the given one.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return startBinary(t, binary, dir, args...)
}

func startBinary(t *testing.T, path, dir string, args ...string) *process {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	p := &process{t: t, cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		var wg sync.WaitGroup
		wg.Go(func() { p.stdout.read(stdout) })
		wg.Go(func() { p.stderr.read(stderr) })
		wg.Wait()
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("%v\nstderr:\n%s", p.cmd.Args[1:], p.stderr.text())
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// wait returns the exit code.
func (p *process) wait() int {
	<-p.exited
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode()
	}
	require.NoError(p.t, p.err)
	return 0
}

// says waits until the process has logged a text.
func (p *process) says(text string) {
	p.t.Helper()
	await(p.t, "log line "+text, func() bool { return strings.Contains(p.stderr.text(), text) })
}

// received returns the records that service B has written, unescaped, with the
// number of times that each was.
func (p *process) received() map[string]int {
	p.t.Helper()
	p.stdout.mu.Lock()
	defer p.stdout.mu.Unlock()
	found := map[string]int{}
	for _, line := range p.stdout.lines {
		text, ok := strings.CutPrefix(line, "Message received: ")
		require.True(p.t, ok, line)
		value, err := record.ParseText([]byte(text))
		require.NoError(p.t, err)
		found[string(value)]++
	}
	return found
}

// await polls until a condition holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 2*time.Minute, 20*time.Millisecond, what)
}

// freePorts returns addresses that nobody listens on.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	addrs := make([]string, n)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		addrs[i] = l.Addr().String()
	}
	return addrs
}

// system is a Kafka, a topic and a group of a test's own, and where the
// services listen.
type system struct {
	t            *testing.T
	brokers      string
	broker       *process // nil where Kafka is not ours
	brokerDir    string
	topic, group string
	a, b         string
}

func newSystem(t *testing.T) *system {
	t.Helper()
	name := fmt.Sprintf("e2e-%d", time.Now().UnixNano())
	ports := freePorts(t, 3)
	s := &system{t: t, brokers: os.Getenv("KAFKA_BROKERS"), topic: name, group: name, a: ports[0], b: ports[1]}
	if s.brokers == "" {
		s.brokers, s.brokerDir = ports[2], t.TempDir()
		s.startKafka()
	}
	return s
}

// Commands for a Kafka of KAFKA_BROKERS that the tests may kill and freeze:
// one that prints the process's number, and one that starts it again.
var (
	kafkaPID   = os.Getenv("KAFKA_PID")
	kafkaStart = os.Getenv("KAFKA_START")
)

// needsFaults skips a test where Kafka must not be harmed.
func (s *system) needsFaults() {
	if s.broker == nil && (kafkaPID == "" || kafkaStart == "") {
		s.t.Skip("the Kafka of KAFKA_BROKERS is killed and frozen only where KAFKA_PID and KAFKA_START say how")
	}
}

// startKafka starts the broker, or starts it again after a kill.
func (s *system) startKafka() {
	s.t.Helper()
	if s.brokerDir == "" {
		out, err := exec.Command("bash", "-c", kafkaStart).CombinedOutput()
		require.NoError(s.t, err, string(out))
		return
	}
	s.broker = start(s.t, s.brokerDir, "broker", "--broker-listen", s.brokers)
	s.broker.says("embedded broker started")
}

// signalKafka kills or freezes the broker.
func (s *system) signalKafka(sig syscall.Signal) {
	s.t.Helper()
	if s.broker != nil {
		s.broker.signal(sig)
		if sig == syscall.SIGKILL {
			<-s.broker.exited
		}
		return
	}
	out, err := exec.Command("bash", "-c", kafkaPID).Output()
	require.NoError(s.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(s.t, err)
	require.NoError(s.t, syscall.Kill(pid, sig))
}

func (s *system) producer(args ...string) *process {
	p := start(s.t, "", append([]string{"producer", "--brokers", s.brokers, "--producer-listen", s.a, "--producer-topic", s.topic}, args...)...)
	s.ready(s.a)
	return p
}

func (s *system) consumer() *process {
	p := start(s.t, "", "consumer", "--brokers", s.brokers, "--consumer-listen", s.b, "--consumer-handlers",
		fmt.Sprintf(`[{name: log, topics: [%s], group: %s, session_timeout: 6s, log: {}}]`, s.topic, s.group))
	s.ready(s.b)
	return p
}

func (s *system) ready(address string) {
	s.t.Helper()
	await(s.t, address+" is ready", func() bool { return status(address, "/readyz") == http.StatusOK })
}

func status(address, path string) int {
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// sender sends numbered records and keeps what it was told of each.
type sender struct {
	address string
	prefix  string // of the values, so that two loads differ
	client  http.Client

	mu  sync.Mutex
	all map[string]string // value → yes, no or unknown
}

func newSender(address string) *sender {
	return &sender{address: address, all: map[string]string{}, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (s *sender) send(value string) string {
	told := s.ask(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[value] = told
	return told
}

func (s *sender) ask(value string) string {
	resp, err := s.client.Post("http://"+s.address+"/produce", "application/json", strings.NewReader(`{"content":"`+value+`"}`))
	if err != nil {
		var refused *net.OpError
		if errors.As(err, &refused) && refused.Op == "dial" {
			return "no"
		}
		return "unknown"
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return "unknown"
	case resp.StatusCode == http.StatusOK:
		return "yes"
	case bytes.Contains(body, []byte(`"written":"no"`)):
		return "no"
	}
	return "unknown"
}

// load sends from several callers until ctx ends.
func (s *sender) load(ctx context.Context, callers int) (wait func()) {
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				s.send(fmt.Sprintf("%s%d-%d", s.prefix, caller, i))
			}
		})
	}
	return wg.Wait
}

func (s *sender) count(told string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, was := range s.all {
		if was == told {
			n++
		}
	}
	return n
}

// check waits until every record that was reported as written has come out,
// and then looks for one that was reported as not written.
func (s *sender) check(t *testing.T, received func() map[string]int) {
	t.Helper()
	await(t, "every acknowledged record", func() bool {
		found := received()
		for value, told := range s.all {
			if told == "yes" && found[value] == 0 {
				return false
			}
		}
		return true
	})
	for value := range received() {
		require.NotEqual(t, "no", s.all[value], "%s was reported as not written", value)
	}
	t.Logf("written %d, not written %d, unknown %d", s.count("yes"), s.count("no"), s.count("unknown"))
}
