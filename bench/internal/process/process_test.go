package process_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/bench/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shell(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Launch(t.TempDir(), "a shell", "sh", "-c", script)
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

func TestLinesBothWays(t *testing.T) {
	p := shell(t, `read line; echo "{\"heard\":$line}"`)
	require.NoError(t, p.Write(7))
	var said struct{ Heard int }
	require.NoError(t, p.Read(&said))
	require.Equal(t, 7, said.Heard)
	require.NoError(t, p.Wait())
	p.Stop() // Does nothing any more.
}

func TestAProgramThatFailsTellsWhy(t *testing.T) {
	p := shell(t, "echo no Kafka >&2; exit 3")
	err := p.Read(new(int))
	require.ErrorContains(t, err, "a shell: what it did: EOF")
	require.ErrorContains(t, err, "no Kafka")

	p = shell(t, "echo too late >&2; exit 3")
	err = p.Wait()
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "too late")

	_, err = process.Launch(t.TempDir(), "none", "/nowhere/none")
	require.ErrorContains(t, err, "start none")
}

func TestAProgramThatDoesNotWantToEndIsKilled(t *testing.T) {
	p := shell(t, `trap "" TERM; echo 1; while :; do read line; done`)
	require.NoError(t, p.Read(new(int)), "it has set its trap")
	p.End(syscall.SIGTERM, time.Millisecond)
	require.Equal(t, syscall.SIGKILL, p.Cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

func TestARoleGetsWhatItHasToDo(t *testing.T) {
	p, err := process.LaunchRole(t.TempDir(), "role", "echo", "7", map[string]int{"n": 1})
	require.NoError(t, err)
	defer p.Stop()
	require.NoError(t, p.Read(new(int)))
	var spec map[string]int
	require.NoError(t, p.Read(&spec))
	require.Equal(t, map[string]int{"n": 1}, spec)
}

func TestSettingsForOtherPurposes(t *testing.T) {
	for _, name := range []string{"SLUICE_X", "KAFKA_BROKERS", "GOGC", "GOMEMLIMIT", "OTEL_X"} {
		t.Setenv(name, "1")
	}
	t.Setenv("LEFT_ALONE", "1")
	env := process.Environment()
	require.Contains(t, env, "LEFT_ALONE=1")
	for _, gone := range []string{"SLUICE_X=1", "KAFKA_BROKERS=1", "GOGC=1", "GOMEMLIMIT=1", "OTEL_X=1"} {
		require.NotContains(t, env, gone)
	}
}

func TestPlainNames(t *testing.T) {
	require.Equal(t, "a-b-7--", process.Plain("a/b 7%É"))
}
