//go:build browser

package browser_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
)

// numbers is a load of numbered records: n is how many were written.
type numbers struct{ n int }

// write writes more of them through a service A.
func (l *numbers) write(s *services, more int) {
	s.t.Helper()
	var lines strings.Builder
	for range more {
		fmt.Fprintf(&lines, "{\"n\":%d}\n", l.n)
		l.n++
	}
	s.write("numbers?key_path=/n", lines.String(), "Content-Type", "application/x-ndjson")
}

// TestTheStreamSurvivesRestarts kills the services, and stops them as a deploy
// does, while numbered records are written: the page shows that it waits, goes
// on by itself, and has seen each of them once, with no gap.
func TestTheStreamSurvivesRestarts(t *testing.T) {
	other := startServices(t, "") // With the broker, and a service A that is always there.
	load := &numbers{}
	load.write(other, 10)
	// A static member is back in its group at once, also after it was killed.
	s := startServices(t, "consumer: {handlers: [{name: log, topics: [numbers], group: numbers, instance: one, log: {}}]}\n", "--kafka-brokers="+other.broker)
	load.write(s, 10) // Before the page is there; it does not show them.
	p := watch(t, s, "numbers")
	p.Run(`window.seen = []; window.gaps = [];
		const { open } = await import("/sluice.js");
		window.stream = open({ topics: "numbers", onRecord: (r) => { seen.push([r.partition, r.offset, r.value.n]); },
			onGap: (gap) => { gaps.push(gap); }, onState: (state) => { window.state = state; } })`)
	p.Wait("state === 'live'")
	unseen := load.n
	all := func() string { return fmt.Sprintf("seen.length >= %d", load.n-unseen) }
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		load.write(s, 50)
		p.Wait(all())
		require.NoError(t, s.cmd.Process.Signal(sig))
		load.write(other, 20) // The services end meanwhile.
		s.ended(sig)
		p.WaitText(".tail .status", "the server cannot be reached; again in") // It has tried.
		load.write(other, 50)
		s.start()
		load.write(s, 30)
		p.Wait(all())
		p.WaitText(".tail .status", "live")
		p.Wait("state === 'live'")
	}
	load.write(s, 1)
	p.Wait(all())
	p.WaitText(".tail .status", fmt.Sprintf("%d records", load.n-unseen))
	p.WaitText(".tail .foot", fmt.Sprintf("%d more were counted before them.", load.n-unseen-120))
	require.False(t, browsertest.Eval[bool](p, "document.querySelector('.tail .status > .warn').checkVisibility()"), "no gap")

	require.Empty(t, browsertest.Eval[[]any](p, "gaps"))
	seen := browsertest.Eval[[][3]int](p, "seen")
	var got, want []int
	next := map[int]int{} // offset by partition
	for _, record := range seen {
		partition, offset, n := record[0], record[1], record[2]
		if at, ok := next[partition]; ok {
			require.Equal(t, at, offset, "partition %d: record %d", partition, n)
		}
		next[partition] = offset + 1
		got = append(got, n)
	}
	slices.Sort(got)
	for n := unseen; n < load.n; n++ {
		want = append(want, n)
	}
	require.Equal(t, want, got, "each record once")
	t.Logf("%d records seen, each once; %d duplicates dropped", len(got), browsertest.Eval[int](p, "stream.duplicates"))
}
