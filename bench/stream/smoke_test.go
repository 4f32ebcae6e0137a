package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/bench/stream/server"
)

// TestSmoke runs all of the benchmark, each part for a moment.
func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	o := options{
		Rounds: 1, Window: 50 * time.Millisecond, Clients: 20, Idle: 30,
		json: filepath.Join(dir, "report.json"), md: filepath.Join(dir, "report.md"),
	}
	var out strings.Builder
	require.NoError(t, run(t.Context(), o, &out))

	text, err := os.ReadFile(o.json)
	require.NoError(t, err)
	var r results
	require.NoError(t, json.Unmarshal(text, &r))
	var measured []string
	for _, s := range r.Samples {
		measured = append(measured, s.Group+": "+s.Contestant)
		if s.Group == groupIdle {
			require.Equal(t, o.Idle, s.Clients)
			require.Positive(t, s.Before)
			require.GreaterOrEqual(t, s.Most, s.After)
			continue
		}
		require.Equal(t, o.Clients, s.Clients)
		require.Positive(t, s.CPU)
		require.Positive(t, s.Rate)
		require.Greater(t, s.Bytes, 100.0)
		if s.Offered > 0 {
			require.Positive(t, s.P50)
			require.LessOrEqual(t, s.P50, s.P99)
			require.LessOrEqual(t, s.P99, s.P999)
		} else {
			require.Zero(t, s.P50)
		}
	}
	require.ElementsMatch(t, []string{
		"deliveries, 100 B: plain design", "deliveries, 100 B: sluice",
		"latency, 100 B: plain design", "latency, 100 B: sluice", "latency, 100 B: " + sluiceHalf,
		"deliveries, 1 KiB: plain design", "deliveries, 1 KiB: sluice",
		"latency, 1 KiB: plain design", "latency, 1 KiB: sluice", "latency, 1 KiB: " + sluiceHalf,
		"idle: plain design", "idle: sluice",
	}, measured)

	text, err = os.ReadFile(o.md)
	require.NoError(t, err)
	require.NotContains(t, string(text), "not measured |")
	require.NotContains(t, string(text), "NaN")
	require.Contains(t, string(text), "[report.json](report.json)")
	require.Contains(t, out.String(), "## Targets")
}

func TestProfiles(t *testing.T) {
	o := options{Rounds: 1, Window: 50 * time.Millisecond, Clients: 1, Idle: 1, only: []string{onlyIdle}, profile: filepath.Join(t.TempDir(), "new")}
	var out strings.Builder
	require.NoError(t, run(t.Context(), o, &out))
	files, err := filepath.Glob(filepath.Join(o.profile, "idle-sluice-1.*.pprof"))
	require.NoError(t, err)
	require.Len(t, files, 2, "%s", out.String())
	err = fetchTo(t.Context(), "http://127.0.0.1:1", filepath.Join(o.profile, "none"))
	require.Error(t, err)
}

func openTestBench(t *testing.T) *bench {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	b := &bench{dir: t.TempDir(), self: self, options: options{Clients: 2, Idle: 2, Window: 50 * time.Millisecond}, out: t.Output()}
	b.cluster, err = cluster.Open(t.Context(), nil, func() (*cluster.Broker, error) { return cluster.Launch(b.dir, self) })
	require.NoError(t, err)
	t.Cleanup(func() { b.cluster.Close(t.Output()) })
	return b
}

// TestProcessesThatFail tell why, with what they have logged.
func TestProcessesThatFail(t *testing.T) {
	b := openTestBench(t)
	p, err := process.LaunchRole(b.dir, "odd", b.self, roleServer, server.Spec{Brokers: []string{"nowhere"}})
	require.NoError(t, err)
	require.ErrorContains(t, p.Read(&server.Listening{}), "kafka.brokers")

	p, err = process.Launch(b.dir, "odd", b.self, roleReaders, "{")
	require.NoError(t, err)
	require.ErrorContains(t, p.Read(&server.Listening{}), "what the readers have to do")
}

func TestAServerThatDies(t *testing.T) {
	for _, c := range []contestant{{name: plainDesign, plain: true}, {name: sluiceB}} {
		b := openTestBench(t)
		s, err := b.open(t.Context(), group{name: "dies"}, c)
		require.NoError(t, err)
		require.NoError(t, s.play(t.Context(), 2))
		require.NoError(t, s.server.Cmd.Process.Kill())
		_, err = s.await(t.Context(), 1)
		require.ErrorContains(t, err, "the stream has ended", c.name)
		s.close()
	}
}

func TestWhatWasMadeIsDeleted(t *testing.T) {
	b := openTestBench(t)
	theirs, err := cluster.Open(t.Context(), b.cluster.Brokers, nil)
	require.NoError(t, err)
	mine := *b
	mine.cluster = theirs
	s, err := mine.open(t.Context(), group{name: "gone"}, contestant{name: sluiceB})
	require.NoError(t, err)
	s.close()
	theirs.NewGroup() // One that never began.
	theirs.Close(t.Output())
	topics, err := b.cluster.Admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics.Names())
	groups, err := b.cluster.Admin.ListGroups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups.Groups())
}

func TestARunThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{options: options{Window: time.Second}}
		begin := time.Now()
		_, err := b.measure(t.Context(), group{run: func(ctx context.Context, _ group, _ contestant) (sample, error) {
			<-ctx.Done()
			return sample{}, errors.New("what it did: EOF")
		}}, contestant{})
		require.ErrorIs(t, err, errTooLong)
		require.ErrorContains(t, err, "EOF")
		require.Equal(t, 200*time.Second, time.Since(begin))
	})
}

// TestARunThatIsEnded does not wait for clients that have nothing to tell.
func TestARunThatIsEnded(t *testing.T) {
	b := openTestBench(t)
	s, err := b.open(t.Context(), group{name: "ended"}, contestant{name: plainDesign, plain: true})
	require.NoError(t, err)
	defer s.close()
	require.NoError(t, s.play(t.Context(), 2))
	ctx, cancel := context.WithCancelCause(t.Context())
	told := errors.New("told to")
	cancel(told)
	_, err = s.await(ctx, 1)
	require.ErrorIs(t, err, told)
}
