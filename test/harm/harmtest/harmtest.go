//go:build unix

// Package harmtest has what the tests of checkers harm: the test's own binary,
// started as other processes.
package harmtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"sluice/test/harm"
)

// actAs is the variable that says what the binary is.
const actAs = "HARM_TEST_ACTS_AS"

// Role is what the test's binary acts as.
type Role string

// The roles.
const (
	// Program is the checker itself.
	Program Role = "program"
	// Obedient is a child that does nothing and ends when told to.
	Obedient Role = "obedient"
	// Failing is one that ends with status 3 when told to.
	Failing Role = "failing"
	// Dying is one that ends by itself, with status 4.
	Dying Role = "dying"

	broker Role = "broker"
)

// Main is for TestMain. It runs the tests and fails if they leave goroutines
// behind, or acts as ActAs has said. program is the checker's main function.
func Main(m *testing.M, program func()) {
	switch Role(os.Getenv(actAs)) {
	case Program:
		program()
	case Obedient:
		obey()
	case Failing:
		obey()
		os.Exit(3)
	case Dying:
		os.Exit(4)
	case broker:
		listen(os.Args[1])
	default:
		goleak.VerifyTestMain(m)
	}
}

// ActAs has processes that are started of the test's binary, os.Args[0], act as
// something else, until the test ends.
func ActAs(t *testing.T, role Role) {
	t.Helper()
	t.Setenv(actAs, string(role))
}

func obey() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	up := harm.BeChild()
	up()
	<-ctx.Done()
}

func listen(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		_ = conn.Close()
	}
}

// Broker starts a process that takes connections, and returns how it can be
// found and started again: the variables of harm.FindVictim. It ends with the
// test.
func Broker(t *testing.T) map[string]string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	env := map[string]string{
		"KAFKA_BROKERS": address,
		"KAFKA_PID":     "cat " + pid,
		"KAFKA_START": fmt.Sprintf("%s=%s %s %s >/dev/null 2>&1 </dev/null & echo $! >%s; until (: </dev/tcp/%s) 2>/dev/null; do sleep 0.02; done",
			actAs, broker, os.Args[0], address, pid, strings.Replace(address, ":", "/", 1)),
	}
	b := Victim(t, env)
	require.NoError(t, b.Revive(t.Context()))
	t.Cleanup(func() {
		if n, err := b.PID(context.Background()); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	})
	return env
}

// Victim is the broker of the variables that Broker has returned.
func Victim(t *testing.T, env map[string]string) harm.Broker {
	t.Helper()
	b, err := harm.FindVictim(func(name string) string { return env[name] }, t.TempDir())
	require.NoError(t, err)
	return b
}

// Cluster starts a Kafka of one broker in this process, and returns its address.
// It ends with the test.
func Cluster(t *testing.T) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// Run has a checker run on the Kafka of an address, with processes of its own.
// It requires that the checker succeeds, and leaves neither files nor topics
// behind. The broker is named by pid and start, which may be empty.
func Run(t *testing.T, address, pid, start string, run func(getenv func(string) string, out io.Writer) error) {
	t.Helper()
	ActAs(t, Program)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	env := map[string]string{"KAFKA_BROKERS": address, "KAFKA_PID": pid, "KAFKA_START": start}
	var out bytes.Buffer
	require.NoError(t, run(func(name string) string { return env[name] }, &out), &out)
	t.Log(out.String())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	require.NoError(t, err)
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics.Names())
}
