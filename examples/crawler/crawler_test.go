package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// TestCrawlWithKills has the whole system crawl, while its crawlers are killed.
func TestCrawlWithKills(t *testing.T) {
	o := exampletest.Options{
		Input: 10 * time.Second, Replicas: 2, Kills: 2,
		Args: []string{"--web=127.0.0.1:0", "--hosts=20", "--pages=1000", "--pause=55ms"},
	}
	if os.Getenv("KAFKA_BROKERS") != "" {
		o.Input, o.Kills = 20*time.Second, 5
		o.Args = []string{"--web=127.0.0.1:0", "--hosts=50", "--pages=8000", "--pause=60ms"}
	}
	v := exampletest.Run(t, o)
	require.True(t, v.OK, "%v", v)
	require.True(t, v.Complete, "%v", v)
	t.Logf("%+v", v.Figures)
}
