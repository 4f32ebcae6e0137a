package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
	"sluice/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// TestFleet runs the whole: the input and the checker in one process, the
// handler in two others, which are killed while they work.
func TestFleet(t *testing.T) {
	kills := 2
	if os.Getenv("KAFKA_BROKERS") != "" {
		kills = 5
	}
	v := exampletest.Run(t, exampletest.Options{
		Input: 5 * time.Second, Replicas: 2, Kills: kills,
		// Ten times as fast as in reality, so that there is more to tell.
		Args: []string{"--vehicles=200", "--every=200ms", "--clock=10"},
	})
	require.Empty(t, v.Offences)
	require.True(t, v.OK)
	require.True(t, v.Complete)
	figures := map[string]int64{}
	for _, f := range v.Figures {
		figures[f.Name] = f.Value
	}
	require.EqualValues(t, 200, figures["vehicles"])
	require.Greater(t, figures["points"], int64(1500))
	for _, name := range []string{"stale", "duplicates", "malformed", "alerts"} {
		require.Positive(t, figures[name], name)
	}
	require.Zero(t, figures["waiting"])
}

func TestSettingsThatAreWrong(t *testing.T) {
	good := settings{vehicles: 1, every: time.Second, clock: 1}
	require.NoError(t, good.validate())
	for flag, spoil := range map[string]func(*settings){
		"--vehicles": func(s *settings) { s.vehicles = 0 },
		"--every":    func(s *settings) { s.every = time.Microsecond },
		"--clock":    func(s *settings) { s.clock = 0 },
	} {
		t.Run(flag, func(t *testing.T) {
			s := good
			spoil(&s)
			require.ErrorContains(t, s.validate(), flag)
			d := driver{settings: &s}
			require.ErrorContains(t, d.run(t.Context(), &example.Client{}), flag, "nothing is sent")
		})
	}
}
