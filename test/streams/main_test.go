//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/test/harm/harmtest"
)

func TestMain(m *testing.M) { harmtest.Main(m, main) }

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"none", nil, ""},
		{"a deploy", []string{"-deploy", "-clients", "1000", "-replicas", "2", "-rate", "50", "-md", "x", "-keep"}, ""},
		{"no such flag", []string{"-fault", "7"}, "flag provided but not defined"},
		{"a word", []string{"7"}, `"7" is not a flag`},
		{"fewer disconnects than none", []string{"-disconnects", "-1"}, "-disconnects -1: must not be negative"},
		{"fewer faults than none", []string{"-faults", "-1"}, "-faults -1: must be from 0"},
		{"nobody who watches", []string{"-clients", "0"}, "-clients 0: must be from 1"},
		{"no other replica", []string{"-replicas", "1"}, "-replicas 1: must be from 2"},
		{"no partitions", []string{"-partitions", "0"}, "-partitions 0: must be from 1"},
		{"no time", []string{"-max", "1ms"}, "-max 1ms: must be a second at least"},
		{"not a number", []string{"-rate", "NaN"}, "-rate NaN: must be above 0"},
		{"a ring that service B does not take", []string{"-ring", "1"}, "-ring 1: must be 1048576 at least"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseOptions(c.args, t.Output())
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestWhatIsMissingOfKafka(t *testing.T) {
	err := run(t.Context(), options{most: time.Minute}, func(string) string { return "" }, t.Output())
	require.ErrorContains(t, err, "KAFKA_BROKERS is not set")
}

// The same seed gives the same faults, and each kind comes before any comes again.
func TestThePlan(t *testing.T) {
	plan := newPlan(5, len(everyKind), 3, everyKind, false)
	require.Equal(t, plan, newPlan(5, len(everyKind), 3, everyKind, false))
	require.NotEqual(t, plan, newPlan(6, len(everyKind), 3, everyKind, false))
	var kinds []kind
	for _, f := range plan {
		kinds = append(kinds, f.kind)
		require.Less(t, f.replica, 3)
		require.NotEmpty(t, f.String())
	}
	require.ElementsMatch(t, everyKind, kinds)
}
