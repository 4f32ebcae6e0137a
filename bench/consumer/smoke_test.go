package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
)

// TestSmoke runs all of the benchmark, each part for a moment.
func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	o := options{
		Rounds: 1, Window: 50 * time.Millisecond, Behind: 10_000,
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
		require.Positive(t, s.Peak, "%+v", s)
		require.Positive(t, s.First, "%+v", s)
		switch s.Group {
		case groupNothing:
			require.Positive(t, s.CPU)
			require.Less(t, s.Records, o.nothingRecords(), "the warm-up is not measured")
		case groupWork:
			require.Equal(t, o.workRecords(), s.Records)
			require.LessOrEqual(t, s.OfIdeal, 1.0)
		case groupLatency:
			require.Equal(t, o.latencyRecords(), s.Records)
			require.LessOrEqual(t, s.P50, s.P99)
		case groupStall:
			require.GreaterOrEqual(t, len(s.Memory), 2)
			require.Less(t, s.Handled, o.Behind, "%+v", s)
		}
	}
	require.ElementsMatch(t, []string{
		"nothing: bare franz-go loop", "nothing: sluice", "nothing: sluice, order key", "nothing: sluice, order none",
		"work: sluice", "work: sluice, order key", "work: sluice, order none",
		"latency: bare franz-go loop", "latency: sluice", "latency: sluice, order key",
		"stall: bare franz-go loop", "stall: sluice", "stall: sluice, order key", "stall: sluice, order none",
		"stall: " + firstKey, "stall: " + firstNone,
	}, measured)

	text, err = os.ReadFile(o.md)
	require.NoError(t, err)
	require.NotContains(t, string(text), "not measured |")
	require.NotContains(t, string(text), "NaN")
	require.Contains(t, string(text), "[report.json](report.json)")
	require.Contains(t, out.String(), "## Targets")
}

// TestAMemberThatFails tells why, with what it has logged.
func TestAMemberThatFails(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	b := &bench{dir: t.TempDir(), self: self, cluster: &cluster.Cluster{Brokers: []string{"127.0.0.1:1"}}}
	for name, spec := range map[string]member.Spec{
		`"dance" is not a task`:           {Task: "dance"},
		"stamped record or more":          {Task: member.Latency},
		"a warm-up of 5 records":          {Task: member.Count, Ends: map[int32]int64{0: 5}, Warm: 5},
		"partition 7 with the end 1":      {Task: member.Count, Ends: map[int32]int64{7: 1}},
		"consumer.handlers[bench].order:": {Task: member.Count, Ends: map[int32]int64{0: 1}, Order: "odd"},
	} {
		m, err := b.begin(t.Context(), contestant{"failing", spec}, "topic")
		require.NoError(t, err)
		_, err = m.first()
		require.ErrorContains(t, err, name)
		m.close()
	}
}

func TestARunThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{options: options{Window: time.Second}}
		begin := time.Now()
		_, err := b.measure(t.Context(), group{run: func(ctx context.Context, _ contestant) (sample, error) {
			<-ctx.Done()
			return sample{}, errors.New("what it did: EOF")
		}}, contestant{})
		require.ErrorIs(t, err, errTooLong)
		require.ErrorContains(t, err, "EOF")
		require.Equal(t, 200*time.Second, time.Since(begin))
	})
}

func TestAMemberEndsWithItsRun(t *testing.T) {
	c := openTestCluster(t)
	topic, err := c.CreateTopic(t.Context(), "stall")
	require.NoError(t, err)
	require.NoError(t, fill(t.Context(), c, topic, workKeys, workKeys))
	self, err := os.Executable()
	require.NoError(t, err)
	begin := func(ctx context.Context, patience time.Duration) *running {
		b := &bench{dir: t.TempDir(), self: self, patience: patience, cluster: c}
		m, err := b.begin(ctx, contestant{"waiting", member.Spec{Task: member.Stall}}, topic)
		require.NoError(t, err)
		_, err = m.first()
		require.NoError(t, err)
		return m
	}
	t.Run("it leaves its group", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := begin(ctx, time.Minute)
		cancel()
		_, err := m.result()
		require.NoError(t, err)
		m.close()
		answer, err := c.Admin.DeleteGroups(t.Context(), m.group)
		require.NoError(t, err)
		require.NoError(t, answer.Error(), "nobody is in it")
	})
	t.Run("or is killed", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := begin(ctx, time.Millisecond)
		require.NoError(t, m.Cmd.Process.Signal(syscall.SIGSTOP)) // It does not see that it is told to end.
		cancel()
		_, err := m.result()
		require.Error(t, err)
		m.close()
		require.Equal(t, syscall.SIGKILL, m.Cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	})
}
