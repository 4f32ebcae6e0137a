package example_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/exampletest"
)

func TestNothingIsWrongAlthoughReplicasAreKilled(t *testing.T) {
	v := exampletest.Run(t, exampletest.Options{Input: 3 * time.Second, Replicas: 2, Kills: 2})
	require.Empty(t, v.Offences)
	require.True(t, v.OK)
	require.True(t, v.Complete)
	require.Positive(t, v.Figures[0].Value)
	require.Equal(t, v.Figures[0].Value, v.Figures[1].Value)
}

// A test that cannot fail would prove nothing.
func TestWhatIsWrongIsToldToTheTest(t *testing.T) {
	v := exampletest.Run(t, exampletest.Options{Input: time.Second, Replicas: 1, Args: []string{"--lose=3", "--repeat=5"}})
	require.False(t, v.OK)
	require.NotEmpty(t, v.Offences)
}
