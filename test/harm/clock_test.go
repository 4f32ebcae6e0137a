//go:build unix

package harm_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"sluice/test/harm"
	"sluice/test/harm/harmtest"
)

func TestClock(t *testing.T) {
	before := harm.Now()
	c := harm.NewClock()
	passed := c.Passed()
	require.GreaterOrEqual(t, passed, time.Duration(0))
	require.LessOrEqual(t, passed, harm.Now()-before)

	var out bytes.Buffer
	c.Say(&out, "%d of them", 3)
	require.Regexp(t, `^\d\d:\d\d  3 of them\n$`, out.String())
	closed, err := os.Create(t.TempDir() + "/out")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	c.Say(closed, "to nobody")
	require.Equal(t, "61.3 s", harm.Seconds(61250*time.Millisecond+time.Microsecond))
}

func TestSleep(t *testing.T) {
	require.True(t, harm.Sleep(t.Context(), time.Nanosecond))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, harm.Sleep(ended, time.Hour))
}

func TestTheMachine(t *testing.T) {
	client, err := harm.Broker{Address: harmtest.Cluster(t)}.Client("test")
	require.NoError(t, err)
	defer client.Close()
	var text strings.Builder
	harm.ThisMachine(t.Context(), kadm.NewClient(client)).Describe(func(format string, args ...any) {
		fmt.Fprintf(&text, format+"\n", args...)
	}, "next door")
	require.Regexp(t, `^\| \| \|\n\| --- \| --- \|\n\| date \| \d{4}-\d\d-\d\d \|\n\| machine \| .+ \|\n\| Go \| go.+ \|\n\| Sluice \| .+ \|\n`+
		`\| Kafka \| Apache Kafka or compatible, by its API .+, next door \|\n$`, text.String())
}
