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
		{"all", []string{"-faults", "7", "-members", "2", "-static", "2", "-seed", "9", "-max", "5m", "-rate", "10", "-poison", "0", "-trouble", "0", "-md", "x", "-keep"}, ""},
		{"no such flag", []string{"-fault", "7"}, "flag provided but not defined"},
		{"a word", []string{"7"}, `"7" is not a flag`},
		{"fewer faults than none", []string{"-faults", "-1"}, "-faults -1: must be from 0"},
		{"no members", []string{"-members", "0"}, "-members 0: must be from 1"},
		{"more static members than members", []string{"-members", "1", "-static", "2"}, "-static 2: must be from 0 to the 1"},
		{"no time", []string{"-max", "1s"}, "-max 1s: must be a minute at least"},
		{"no records", []string{"-rate", "0"}, "-rate 0: must be above 0"},
		{"not a number", []string{"-rate", "NaN"}, "-rate NaN: must be above 0"},
		{"more poison than records", []string{"-poison", "1.5"}, "-poison 1.5: must be from 0 to 1"},
		{"nothing but trouble", []string{"-trouble", "1"}, "-trouble 1: must be from 0 to less than 1"},
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

// Whoever starts it without a Kafka that may be harmed is told what is missing.
func TestWhatIsMissingOfKafka(t *testing.T) {
	err := run(t.Context(), options{most: time.Minute}, func(string) string { return "" }, t.Output())
	for _, name := range []string{"KAFKA_BROKERS is not set", "KAFKA_PID is not set", "KAFKA_START is not set"} {
		require.ErrorContains(t, err, name)
	}
}
