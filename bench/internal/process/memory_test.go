package process

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusOfAProcess(t *testing.T) {
	size, err := parseStatus("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n", "VmRSS")
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, size)
	_, err = parseStatus("VmRSS:\tmany kB\n", "VmRSS")
	require.ErrorContains(t, err, "VmRSS")
	_, err = parseStatus("Name:\tx\n", "VmRSS")
	require.ErrorContains(t, err, "it has ended")
}

func TestMemoryOfAProcess(t *testing.T) {
	now, peak, err := Memory(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, now)
	require.GreaterOrEqual(t, peak, now)
	_, _, err = Memory(0)
	require.ErrorContains(t, err, "needs Linux")
}
