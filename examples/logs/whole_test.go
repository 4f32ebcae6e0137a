package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/exampletest"
)

// TestReplicasAreKilled runs the whole example while the replicas, which do all
// the counting and deliver the alerts, are killed. The services
// tell seventy seconds of their past, with a storm in them, and go on.
func TestReplicasAreKilled(t *testing.T) {
	o := exampletest.Options{Input: 5 * time.Second, Replicas: 2, Kills: 2}
	if os.Getenv("KAFKA_BROKERS") != "" {
		o.Input, o.Kills = 10*time.Second, 5
	}
	dir := t.TempDir()
	var old strings.Builder
	for n := range 500 {
		fmt.Fprintf(&old, "2025-11-02 10:%02d:%02d status installed package-%d:amd64\n", n/60, n%60, n)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dpkg.log"), []byte(old.String()), 0o600))
	o.Args = []string{
		"-rate=100", "-past=70s", "-files=" + filepath.Join(dir, "*.log"), "-secrets=" + filepath.Join(dir, "secrets"), "-hook=" + freeAddress(t),
	}
	v := exampletest.Run(t, o)
	require.True(t, v.OK, v.Offences)
	require.True(t, v.Complete, v)
	require.Greater(t, figure(v, "lines"), int64(6500))
	require.Equal(t, int64(31), figure(v, "services"), "one of them is the file")
	require.Greater(t, figure(v, "seconds compared"), int64(1000))
	require.GreaterOrEqual(t, figure(v, "alerts delivered"), int64(2), "one has begun and ended")
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }() // Somebody else listens there next.
	return listener.Addr().String()
}
