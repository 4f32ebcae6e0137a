package process_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/internal/process"
)

func TestProcessorTimeOfAnotherProcess(t *testing.T) {
	p, err := process.Launch(t.TempDir(), "busy", "sh", "-c", "while :; do :; done")
	require.NoError(t, err)
	defer p.Kill()
	require.Eventually(t, func() bool {
		used, err := p.ProcessorTime()
		return err == nil && used > 20*time.Millisecond
	}, 10*time.Second, time.Millisecond)
	used, err := p.ProcessorTime()
	require.NoError(t, err)
	require.Less(t, used, 10*time.Second)
	p.Kill()
	_, err = p.ProcessorTime()
	require.Error(t, err, "it has ended")
}
