package main

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProcessorTimeOfAnotherProcess(t *testing.T) {
	p := &process{name: "busy", cmd: exec.Command("sh", "-c", "while :; do :; done")}
	require.NoError(t, p.cmd.Start())
	defer func() {
		p.kill()
		_ = p.cmd.Wait()
	}()
	require.Eventually(t, func() bool {
		used, err := p.processorTime()
		return err == nil && used > 20*time.Millisecond
	}, 10*time.Second, time.Millisecond)
	used, err := p.processorTime()
	require.NoError(t, err)
	require.Less(t, used, 10*time.Second)
	p.kill()
	_ = p.cmd.Wait()
	_, err = p.processorTime()
	require.Error(t, err, "it has ended")
}
