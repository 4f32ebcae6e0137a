package consumer_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var report = flag.String("report", "", "write what the random schedules have done to this file, as Markdown")

// totals are what random schedules have done that found nothing wrong.
type totals struct {
	mu                              sync.Mutex
	schedules, transforms, members  int
	records, handled, repeats, dead int
	disbanded                       int
	steps                           map[string]int
}

func (n *totals) add(s *schedule, dead int) {
	handled, repeats := s.seen.count()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.schedules++
	n.members += len(s.cables)
	for p := range s.seen.expected {
		n.records += len(s.seen.expected[p])
	}
	n.handled += handled
	n.repeats += repeats
	n.dead += dead
	n.disbanded += s.log.count(disbanded)
	if s.transforms {
		n.transforms++
	}
	for _, step := range s.steps[1:] {
		if _, name, ok := strings.Cut(step, " "); ok && !strings.HasPrefix(step, " ") {
			n.steps[name]++
		}
	}
}

// write writes the report.
func (n *totals) write(t *testing.T, file string, took time.Duration) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		version = []byte("unknown")
	}
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line("# Random schedules: the processing plane against its model\n")
	line("Written by `make model`. Each schedule is a cluster of its own in fake time, with random settings and sixty random steps; the test says what is checked: `TestNothingIsLostWhateverHappens` in [consumer/random_test.go](../consumer/random_test.go).\n")
	line("| | |\n| --- | --- |")
	line("| date | %s |", time.Now().UTC().Format(time.DateOnly))
	line("| machine | %s/%s, %d processors, %s |", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	line("| Sluice | %s |", strings.TrimSpace(string(version)))
	line("| seeds | %d to %d |", *seed, *seed+uint64(*schedules)-1)
	line("| took | %s |\n", took.Round(time.Second))
	line("| what | count |\n| --- | ---: |")
	line("| schedules | %d |", n.schedules)
	line("| of them with a Transform | %d |", n.transforms)
	line("| members | %d |", n.members)
	line("| records in | %d |", n.records)
	line("| handled | %d |", n.handled)
	line("| handled again | %d |", n.repeats)
	line("| dead letters | %d |", n.dead)
	line("| rebalances that the fake broker would never have ended | %d |", n.disbanded)
	line("| **lost, committed too far, out of order, in two states, results not exactly once** | **0** |\n")
	line("| step | times |\n| --- | ---: |")
	for _, step := range []string{"produce", "join", "leave", "cut", "isolate", "away", "fault", "mend", "mood", "grow", "wait"} {
		line("| %s | %d |", step, n.steps[step])
	}
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
}
