//go:build unix

package exampletest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/examples/internal/example"
	"sluice/test/harm"
)

// asProgram, in the environment, makes the test's binary the example.
const asProgram = "EXAMPLE_TEST_PROGRAM"

// Main is for TestMain. It runs the tests and fails if they leave goroutines
// behind, or is the example, in a process that Run has started. program is the
// example's main function.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	_ = os.Unsetenv(asProgram) // Nobody below reads it.
	program()
}

// Options say how an example is run.
type Options struct {
	// Input is how long the input lasts.
	Input time.Duration
	// Replicas do the work: the first process, which is never killed, has the
	// input, the checker, service A, the streams and the embedded broker, and no
	// handlers.
	Replicas int
	// Kills is how often one of the replicas, in turn, is killed by SIGKILL and
	// started again, spread over the time of the input.
	Kills int
	// Args are flags of the example's own, for all of its processes.
	Args []string
}

// patience is how long after the end of the input everything has to be accounted
// for, and spare what the processes may take to start and end.
const (
	patience = time.Minute
	spare    = time.Minute
)

// Run runs the example on the embedded broker, or on the Kafka of KAFKA_BROKERS
// with topics of its own, which are deleted afterwards. It returns the last
// verdict. The test fails when a process ends that nobody has killed, when the
// first one does not end in time, or when its exit code is not what the verdict
// says; the verdict itself is the test's to judge. Where the test fails, what
// the processes have said is in its output.
//
// The input begins when all replicas are ready. The moments of the kills are
// random, each in the second half of its own part of the input's time, so that
// there is something to lose; on the embedded broker all replicas are killed at
// once.
func Run(t *testing.T, o Options) example.Verdict {
	t.Helper()
	t.Setenv(asProgram, "1")
	s := &system{t: t, options: o, dir: t.TempDir(), prefix: fmt.Sprintf("test%d-%d.", os.Getpid(), time.Now().UnixNano())}
	first := s.startFirst()
	t.Cleanup(first.kill)
	s.brokers = first.awaitBrokers()
	if os.Getenv("KAFKA_BROKERS") != "" {
		t.Cleanup(func() { cleanUp(t, s.brokers, s.prefix) })
	}
	t.Cleanup(s.end)
	for i := range o.Replicas {
		s.replicas = append(s.replicas, s.startReplica(i))
	}
	s.awaitReplicas(first)
	first.begin()
	s.strike(first)
	code, last := first.wait(o.Input + patience + spare)
	for _, r := range s.replicas {
		require.True(t, r.Running(), "%s has ended by itself", r.Name)
	}
	var v example.Verdict
	require.NoError(t, json.Unmarshal([]byte(last), &v), "the last line of the first process: %q", last)
	require.Equal(t, v.OK && v.Complete, code == 0, "exit code %d for %s", code, last)
	return v
}

// system is an example that runs.
type system struct {
	t        *testing.T
	options  Options
	dir      string
	prefix   string
	brokers  string
	replicas []*harm.Process
	started  int // replicas, those that were killed included
}

// args are those of a process, which ends with us.
func (s *system) args(own ...string) []string {
	all := append([]string{os.Args[0]}, own...)
	all = append(all, "--child", "--prefix="+s.prefix, "--log-level=info")
	return append(all, s.options.Args...)
}

func (s *system) startFirst() *first {
	s.t.Helper()
	args := s.args("--no-handlers", "--for="+s.options.Input.String(), "--patience="+patience.String(),
		"--producer-listen=127.0.0.1:0", "--consumer-listen=127.0.0.1:0", "--broker-listen=127.0.0.1:0")
	return startFirst(s.t, args)
}

func (s *system) startReplica(number int) *harm.Process {
	s.t.Helper()
	s.started++
	log := filepath.Join(s.dir, fmt.Sprintf("replica-%d-start-%d.log", number+1, s.started))
	p, err := harm.Start(fmt.Sprintf("replica %d", number+1), log,
		s.args("replica", "--brokers="+s.brokers, "--listen=127.0.0.1:0")...)
	require.NoError(s.t, err)
	return p
}

// awaitReplicas waits until all of them are ready.
func (s *system) awaitReplicas(f *first) {
	s.t.Helper()
	limit := time.After(spare)
	for _, r := range s.replicas {
		select {
		case <-r.Up():
		case <-r.Exited():
			s.t.Fatalf("%s has ended before it was ready", r.Name)
		case <-f.exited:
			s.t.Fatal("the first process has ended before the input began")
		case <-limit:
			s.t.Fatalf("%s was not ready within %s", r.Name, spare)
		}
	}
}

// strike kills the replicas in turn, each in its part of the input's time. On the embedded broker all of them are killed at a moment, and
// only while their groups are at rest: it does not notice that a consumer has
// died in the middle of joining.
func (s *system) strike(f *first) {
	s.t.Helper()
	embedded := os.Getenv("KAFKA_BROKERS") == ""
	volley := 1
	if embedded {
		volley = len(s.replicas)
	}
	begun := time.Now()
	part := float64(s.options.Input) / float64(max(s.options.Kills, 1))
	for n := 0; n < s.options.Kills; {
		among := float64(min(volley, s.options.Kills-n))
		moment := time.Duration((float64(n) + among*(1+rand.Float64())/2) * part) //nolint:gosec // G404: it hides nothing.
		select {
		case <-time.After(time.Until(begun.Add(moment))):
		case <-f.exited:
			s.t.Fatalf("the first process has ended before kill %d of %d", n+1, s.options.Kills)
		}
		if embedded {
			awaitRest(s.t, s.brokers, s.prefix)
		}
		end := min(n+volley, s.options.Kills)
		for k := n; k < end; k++ {
			s.kill(k%len(s.replicas), begun)
		}
		for ; n < end; n++ {
			s.replicas[n%len(s.replicas)] = s.startReplica(n % len(s.replicas))
		}
	}
}

func (s *system) kill(i int, begun time.Time) {
	s.t.Helper()
	require.True(s.t, s.replicas[i].Running(), "%s has ended by itself", s.replicas[i].Name)
	s.replicas[i].Kill()
	s.t.Logf("replica %d was killed %s after the beginning", i+1, time.Since(begun).Round(time.Millisecond))
}

// end ends the replicas, and shows what they have said where the test has
// failed. They are told to end where their Kafka is still there, so that their
// groups can be deleted.
func (s *system) end() {
	for _, r := range s.replicas {
		if os.Getenv("KAFKA_BROKERS") != "" {
			r.Stop()
		} else {
			r.Kill()
		}
	}
	if !s.t.Failed() {
		return
	}
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*.log")) // The pattern is right.
	for _, name := range logs {
		text, err := os.ReadFile(name) //nolint:gosec // G304: the folder is ours.
		if err != nil {
			continue // Said by what there is no log of.
		}
		s.t.Logf("%s:\n%s", filepath.Base(name), tail(string(text)))
	}
}
