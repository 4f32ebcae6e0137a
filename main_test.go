package sluice_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// asProgram, in the environment, makes the test binary a program with the
// handlers of that name.
const asProgram = "TEST_PROGRAM"

func TestMain(m *testing.M) {
	program := os.Getenv(asProgram)
	if program == "" {
		goleak.VerifyTestMain(m)
		return
	}
	_ = os.Unsetenv(asProgram) // Nobody below reads it.
	sluice.Main(programs()[program]...)
}

// programs are the handlers of programs that the tests run.
func programs() map[string][]sluice.Handler {
	billing := consumer.Config{Name: "billing", Topics: []string{"orders"}, Group: "billing"}
	bill := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		_, err := fmt.Printf("billed %s\n", r.Value)
		return err
	})
	hang := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		fmt.Printf("hangs on %s\n", r.Value)
		select {}
	})
	other := billing
	other.Name = "other"
	nameless := billing
	nameless.Group = ""
	return map[string][]sluice.Handler{
		"billing":     {{Config: billing, Handler: bill}},
		"hanging":     {{Config: billing, Handler: hang}},
		"nil handler": {{Config: billing}},
		"same name":   {{Config: billing, Handler: bill}, {Config: billing, Handler: bill}},
		"same group":  {{Config: billing, Handler: bill}, {Config: other, Handler: bill}},
		"no group":    {{Config: nameless, Handler: bill}},
		"none":        nil,
	}
}

// process is a program that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
}

// start runs the program in a folder of its own, with nothing of ours in its
// environment.
func start(t *testing.T, program, file string, args ...string) *process {
	t.Helper()
	own, err := os.Executable()
	require.NoError(t, err)
	// Its name is what the program calls itself.
	name := filepath.Join(t.TempDir(), "billing")
	require.NoError(t, os.Symlink(own, name))
	return startBinary(t, name, file, args, asProgram+"="+program)
}

func startBinary(t *testing.T, binary, file string, args []string, env ...string) *process {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "sluice.yaml"), []byte(file), 0o600))
	}
	// A process that hangs is killed, so that its test fails with what it wrote.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &process{t: t, cmd: cmd, stdout: bufio.NewReader(stdout), stderr: bufio.NewReader(stderr)}
}

// until reads lines up to one that the pattern matches, and returns its groups.
func (p *process) until(in *bufio.Reader, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var seen strings.Builder
	for {
		line, err := in.ReadString('\n')
		seen.WriteString(line)
		require.NoError(p.t, err, "no line matches %s:\n%s", pattern, &seen)
		if m := re.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			return m
		}
	}
}

// end waits for the end of the process, and returns its exit code and what it
// has written since the last line that was read.
func (p *process) end() (code int, stdout, stderr string) {
	p.t.Helper()
	rest := make(chan string)
	go func() {
		text, _ := io.ReadAll(p.stderr) // What there is.
		rest <- string(text)
	}()
	out, err := io.ReadAll(p.stdout)
	require.NoError(p.t, err)
	stderr = <-rest
	err = p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out), stderr
	}
	require.NoError(p.t, err)
	return 0, string(out), stderr
}

// kafka is a cluster with the topics orders and invoices, and a client of it.
func kafka(t *testing.T) (addr string, client *kgo.Client, cluster *kfake.Cluster) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "invoices"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err = kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return cluster.ListenAddrs()[0], client, cluster
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func produce(t *testing.T, client *kgo.Client, topic, value string) {
	t.Helper()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr())
}

func TestMainIsServiceBWithTheHandlersOfTheProgram(t *testing.T) {
	addr, client, cluster := kafka(t)
	listen := freePort(t)
	p := start(t, "billing", "telemetry: {log: json}\nconsumer: {listen: ['"+listen+"']}\n", "--kafka-brokers="+addr)
	produce(t, client, "orders", "one")
	p.until(p.stdout, `^billed one$`)
	resp, err := http.Get("http://" + listen + "/metrics")
	require.NoError(t, err)
	metrics, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(metrics), `group="billing"`)

	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	code, stdout, stderr := p.end()
	require.Zero(t, code, stderr)
	require.Empty(t, stdout)
	require.Equal(t, int64(1), cluster.GroupInfo("billing").Commits["orders"][0].Offset, "what was handled is committed")
	require.Contains(t, stderr, `"msg":"stopping"`)
}

func TestTheSettingsReplaceThoseOfAHandler(t *testing.T) {
	addr, client, cluster := kafka(t)
	p := start(t, "billing", `
kafka: {brokers: ["`+addr+`"]}
consumer:
  listen: ["127.0.0.1:0"]
  handlers:
    - {name: billing, topics: [invoices], group: elsewhere}
    - {name: log, topics: [orders], group: log, log: {}}
`, "consumer")
	produce(t, client, "invoices", "one")
	p.until(p.stdout, `^billed one$`)
	produce(t, client, "orders", "two")
	p.until(p.stdout, `^Message received: two$`)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGINT))
	code, stdout, stderr := p.end()
	require.Zero(t, code, stderr)
	require.Empty(t, stdout)
	require.Equal(t, int64(1), cluster.GroupInfo("elsewhere").Commits["invoices"][0].Offset)
	require.Nil(t, cluster.GroupInfo("billing"))
}

func devOnFreePorts() []string {
	return []string{"dev", "--ephemeral", "--broker-listen=127.0.0.1:0", "--producer-listen=127.0.0.1:0", "--consumer-listen=127.0.0.1:0"}
}

// A program on a developer's machine needs nothing beside itself.
func TestMainDev(t *testing.T) {
	p := start(t, "billing", "", devOnFreePorts()...)
	curl := p.until(p.stderr, `curl -X POST (http://\S+/topics/orders) -H 'Content-Type: application/json' -d '(.+)'`)
	require.Eventually(t, func() bool { // Service A refuses records until it has found the broker.
		resp, err := http.Post(curl[1], "application/json", strings.NewReader(curl[2]))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	p.until(p.stdout, `^billed {"hello": "world"}$`)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	code, _, stderr := p.end()
	require.Zero(t, code, stderr)
}

func TestALaterSignalKills(t *testing.T) {
	addr, client, _ := kafka(t)
	p := start(t, "hanging", "", "--kafka-brokers="+addr, "--consumer-listen=127.0.0.1:0")
	produce(t, client, "orders", "one")
	p.until(p.stdout, `^hangs on one$`)
	go func() { _, _ = io.Copy(io.Discard, p.stderr) }()
	// The handler does not end, so the drain takes all of its time. The second
	// signal is one that comes when it counts as another.
	ended := make(chan error, 1)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	first := time.Now()
	go func() { ended <- p.cmd.Wait() }()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // It may have ended.
		case err := <-ended:
			exit, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, err)
			status, ok := exit.Sys().(syscall.WaitStatus)
			require.True(t, ok)
			require.True(t, status.Signaled(), "it was killed and has not ended by itself: %v", err)
			require.Equal(t, syscall.SIGTERM, status.Signal())
			require.GreaterOrEqual(t, time.Since(first), time.Second, "signals that come at once are one")
			return
		}
	}
}

func TestCommandLinesOfMain(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		file    string
		args    []string
		code    int
		want    string
	}{
		"help":                   {args: []string{"--help"}, want: "Handlers: billing"},
		"help of the command":    {args: []string{"consumer", "--help"}, want: "--consumer-handlers"},
		"help of dev":            {args: []string{"dev", "--help"}, want: "--broker-data"},
		"version":                {args: []string{"--version"}, want: "billing devel (sluice devel)"},
		"a flag that is unknown": {args: []string{"--nothing"}, code: 2, want: "billing: unknown flag --nothing"},
		"a wrong command":        {args: []string{"serve"}, code: 2, want: "unexpected argument serve"},
		"a wrong value":          {args: []string{"--telemetry-level=loud"}, code: 2, want: "loud"},
		"a flag before dev":      {args: []string{"--kafka-brokers=x:1", "dev"}, code: 2, want: "flag --kafka-brokers applies to the default command"},
		"a file with a wrong key": {
			file: "consumer: {lissten: [':1']}\n", code: 2, want: "lissten",
		},
		"a file that is not there": {args: []string{"--config=nowhere.yaml"}, code: 2, want: "nowhere.yaml"},
		"a handler without work": {
			file: "consumer: {handlers: [{name: biling, topics: [x], group: y}]}\n", code: 2, want: "has no handler of this name",
		},
		"an entry that takes the handler's name": {
			file: "consumer: {handlers: [{name: billing, topics: [x], group: y, log: {}}]}\n", code: 2, want: "has the name of another one",
		},
		"an entry that takes the handler's group": {
			file: "consumer: {handlers: [{name: log, topics: [x], group: billing, log: {}}]}\n", code: 2, want: `has the group "billing" of another one`,
		},
		"nil":        {program: "nil handler", code: 2, want: "set the field Handler of the sluice.Handler"},
		"same name":  {program: "same name", code: 2, want: "has the name of another one"},
		"same group": {program: "same group", code: 2, want: `has the group "billing" of another one`},
		"no group":   {program: "no group", code: 2, want: "consumer.handlers[billing].group: is missing"},
		"an address that is none": {
			args: []string{"--consumer-listen=256.0.0.1:1"}, code: 1, want: "256.0.0.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := c.program
			if program == "" {
				program = "billing"
			}
			code, stdout, stderr := start(t, program, c.file, c.args...).end()
			require.Equal(t, c.code, code, stderr)
			require.Contains(t, stdout+stderr, c.want)
		})
	}
}

// Without a handler, it is the log handler's program.
func TestMainWithoutAHandler(t *testing.T) {
	addr, client, _ := kafka(t)
	p := start(t, "none", "", "--kafka-brokers="+addr, "--consumer-listen=127.0.0.1:0")
	produce(t, client, "test-topic", "one")
	p.until(p.stdout, `^Message received: one$`)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	code, _, stderr := p.end()
	require.Zero(t, code, stderr)
}
