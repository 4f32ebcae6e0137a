//go:build unix

package harm_test

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/test/harm"
	"sluice/test/harm/harmtest"
)

func TestMain(m *testing.M) { harmtest.Main(m, nil) }

// Whoever starts a checker without what it needs is told what is missing.
func TestFindingTheBroker(t *testing.T) {
	all := map[string]string{"KAFKA_BROKERS": "a:1", "KAFKA_PID": "true", "KAFKA_START": "true"}
	for _, c := range []struct {
		name           string
		but            map[string]string
		broker, victim []string // what the errors say; none for no error
	}{
		{"all is set", nil, nil, nil},
		{"no commands", map[string]string{"KAFKA_PID": "", "KAFKA_START": ""}, nil, []string{"KAFKA_PID is not set", "KAFKA_START is not set"}},
		{"no broker", map[string]string{"KAFKA_BROKERS": ""}, []string{"KAFKA_BROKERS is not set"}, []string{"KAFKA_BROKERS is not set"}},
		{"one command", map[string]string{"KAFKA_START": ""}, []string{"are set both or neither"}, []string{"KAFKA_START is not set"}},
		{"two brokers", map[string]string{"KAFKA_BROKERS": "a:1,b:2"}, []string{"one host:port"}, []string{"one host:port"}},
		{"no port", map[string]string{"KAFKA_BROKERS": "nowhere"}, []string{"one host:port"}, []string{"one host:port"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := maps.Clone(all)
			maps.Copy(env, c.but)
			getenv := func(name string) string { return env[name] }
			b, err := harm.FindBroker(getenv, "")
			says(t, err, c.broker)
			require.Equal(t, env["KAFKA_PID"] == "", b.Spared())
			_, err = harm.FindVictim(getenv, "")
			says(t, err, c.victim)
		})
	}
}

func says(t *testing.T, err error, wants []string) {
	t.Helper()
	if wants == nil {
		require.NoError(t, err)
	}
	for _, want := range wants {
		require.ErrorContains(t, err, want)
	}
}

func TestCommandsThatDoNotNameAProcess(t *testing.T) {
	for command, want := range map[string]string{
		"exit 1":    "exit status 1",
		"echo none": "not the number of a process",
		"echo 0":    "not the number of a process",
		"echo -1":   "not the number of a process",
	} {
		b := harmtest.Victim(t, map[string]string{"KAFKA_BROKERS": "a:1", "KAFKA_PID": command, "KAFKA_START": "true"})
		_, err := b.PID(t.Context())
		require.ErrorContains(t, err, want, command)
	}
}

func TestHarmingTheBroker(t *testing.T) {
	b := harmtest.Victim(t, harmtest.Broker(t))
	pid := func() int {
		n, err := b.PID(t.Context())
		require.NoError(t, err)
		return n
	}
	answers := func() error {
		conn, err := net.Dial("tcp", b.Address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	before := pid()
	require.NoError(t, b.FreezeFor(t.Context(), time.Nanosecond))
	require.NoError(t, answers())
	require.Equal(t, before, pid())

	require.NoError(t, b.Kill(t.Context()))
	require.ErrorIs(t, answers(), syscall.ECONNREFUSED)
	require.NoError(t, b.Revive(t.Context()))
	require.NoError(t, answers())

	// It comes back also when the run has been broken off.
	before = pid()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, b.KillFor(ended, time.Hour))
	require.NoError(t, answers())
	require.NotEqual(t, before, pid())
}

func TestABrokerThatCannotBeHarmed(t *testing.T) {
	env := harmtest.Broker(t)
	but := func(name, command string) map[string]string {
		changed := maps.Clone(env)
		changed[name] = command
		return changed
	}
	t.Run("no such process any more", func(t *testing.T) {
		b := harmtest.Victim(t, but("KAFKA_PID", "bash -c 'echo $$'"))
		require.ErrorIs(t, b.FreezeFor(t.Context(), time.Hour), syscall.ESRCH)
	})
	t.Run("the start fails", func(t *testing.T) {
		broken, dir := but("KAFKA_START", "echo no luck; exit 3"), t.TempDir()
		b, err := harm.FindVictim(func(name string) string { return broken[name] }, dir)
		require.NoError(t, err)
		require.ErrorContains(t, b.Revive(t.Context()), "exit status 3")
		said, err := os.ReadFile(filepath.Join(dir, "kafka-start.log"))
		require.NoError(t, err)
		require.Contains(t, string(said), "no luck")
	})
	t.Run("another process than the broker", func(t *testing.T) {
		other := start(t, harmtest.Obedient)
		b := harmtest.Victim(t, but("KAFKA_PID", "echo "+strconv.Itoa(other.PID())))
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		require.ErrorContains(t, b.Kill(ctx), "is KAFKA_PID the process of KAFKA_BROKERS?")
	})
}
