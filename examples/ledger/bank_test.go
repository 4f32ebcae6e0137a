package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
	"sluice/examples/internal/exampletest"
)

func TestTheAccountsBalanceWhoeverIsKilled(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, seed, bugs{})
			for range 4 {
				w.sendMany(150)
				for range w.random.IntN(600) {
					w.step(w.random.IntN(30) == 0)
				}
			}
			w.run()
			v := w.audit()
			require.Empty(t, v.Offences)
			require.True(t, v.OK)
			require.True(t, v.Complete, v.Figures)
			require.EqualValues(t, customers*opening, figure(t, v, "total"))
			require.Zero(t, figure(t, v, "on its way"))
			for _, name := range outcomes {
				require.Positive(t, figure(t, v, name), name)
			}
			require.EqualValues(t, 600, settled(t, v))
			require.Equal(t, 2*figure(t, v, "posted"), figure(t, v, "entries"))
			require.Positive(t, figure(t, v, "balances compared"))
		})
	}
}

// outcomes are the figures of what has become of transfers.
var outcomes = []string{"posted", "rejected", "duplicates", "invalid"}

// settled is how many have ended.
func settled(t *testing.T, v example.Verdict) (sum int64) {
	t.Helper()
	for _, name := range outcomes {
		sum += figure(t, v, name)
	}
	return sum
}

func TestOptions(t *testing.T) {
	o := new(options)
	f := flag.NewFlagSet("", flag.ContinueOnError)
	o.flags(f)
	require.IsType(t, new(branch), o.open(testTopics, 0))
	require.NoError(t, f.Parse([]string{"--lose-credits"}))
	require.IsType(t, buggy{}, o.open(testTopics, 0))
}

// TestTheBankSurvivesKills runs everything as processes, on a broker.
func TestTheBankSurvivesKills(t *testing.T) {
	o := exampletest.Options{Input: 6 * time.Second, Replicas: 2, Kills: 2}
	if os.Getenv("KAFKA_BROKERS") != "" {
		o.Input, o.Kills = 15*time.Second, 5
	}
	v := exampletest.Run(t, o)
	t.Log(v.Figures)
	require.Empty(t, v.Offences)
	require.True(t, v.OK && v.Complete, v)
	require.Greater(t, figure(t, v, "posted"), int64(400))
	require.Positive(t, figure(t, v, "duplicates"))
	require.Positive(t, figure(t, v, "rejected"))
	require.EqualValues(t, customers*opening, figure(t, v, "total"))
}

// TestABugIsNoticed runs the same with branches that forget which requests they
// have honoured.
func TestABugIsNoticed(t *testing.T) {
	v := exampletest.Run(t, exampletest.Options{Input: 2 * time.Second, Replicas: 1, Args: []string{"--forget-ids"}})
	require.False(t, v.OK)
	require.Contains(t, fmt.Sprint(v.Offences), "was honoured twice")
}
