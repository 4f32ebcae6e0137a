//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func idle(t *testing.T) *time.Timer {
	timer := time.NewTimer(time.Hour)
	t.Cleanup(func() { timer.Stop() })
	return timer
}

// at is a record of partition 0 of topic t, whose number is its offset.
func at(offset int64) sight { return sight{place: place{"t", 0, offset}, number: offset} }

func gapOf(from, to int64, when time.Duration, reason string) sight {
	return sight{place: place{"t", 0, from}, gap: &gapTold{when, to, reason}}
}

// ten is a history in which ten records were written, the fourth was aborted,
// the first five were deleted at time 100, and one client has seen what it is
// given, by connection.
func ten(seen ...[]sight) history {
	h := history{records: map[place]written{}, deletions: []deletion{{100, "t", 0, 5}}}
	for i := range int64(10) {
		w := written{number: i, key: "even"}
		if i%2 == 1 {
			w.key = "odd"
		}
		if i == 3 {
			w.state = aborted
		}
		h.records[place{"t", 0, i}] = w
	}
	s := &story{name: "c", selection: selection{topics: []string{"t"}, partition: -1}, start: map[string][]int64{"t": {0}}}
	for _, all := range seen {
		s.conns = append(s.conns, conn{seen: all})
	}
	h.clients = []*story{s}
	return h
}

func span(from, to int64) (all []sight) {
	for i := from; i < to; i++ {
		if i != 3 {
			all = append(all, at(i))
		}
	}
	return all
}

// Each kind of offence is found, and what is allowed is none.
func TestTheJudge(t *testing.T) {
	with := func(h history, change func(*history)) history { change(&h); return h }
	for _, c := range []struct {
		name string
		h    history
		want map[offenceKind]int
	}{
		{"all seen", ten(span(0, 10)), nil},
		{"over two connections", ten(span(0, 5), span(5, 10)), nil},
		{"repeated behind a reconnect", ten(span(0, 6), span(2, 10)), nil},
		{"a gap that is true", ten(append([]sight{gapOf(0, 5, 101, "expired")}, span(5, 10)...)), nil},
		{"a gap of what was seen", ten(span(0, 5), append([]sight{gapOf(2, 5, 101, "expired")}, span(5, 10)...)), nil},
		{"one left out", ten(append(span(0, 5), span(6, 10)...)), map[offenceKind]int{lost: 1}},
		{"left out between connections", ten(span(0, 5), span(7, 10)), map[offenceKind]int{lost: 2}},
		{"left out, and seen after the next connection", ten(span(0, 5), span(6, 10), span(5, 10)), map[offenceKind]int{lost: 1}},
		{"the end never came", ten(span(0, 8)), map[offenceKind]int{lost: 2}},
		{"nothing came", ten(), map[offenceKind]int{lost: 9}},
		{"two changed places", ten(append(append(span(0, 5), at(6), at(5)), span(7, 10)...)), map[offenceKind]int{lost: 1, disorder: 1}},
		{"twice in a connection", ten(append(append(span(0, 6), at(5)), span(6, 10)...)), map[offenceKind]int{again: 1}},
		{"an older one twice in a connection", ten(append(append(span(0, 6), at(1)), span(6, 10)...)), map[offenceKind]int{again: 1}},
		{"a gap that comes too late", ten(append(span(1, 10), gapOf(0, 1, 101, "expired"))), map[offenceKind]int{lost: 1}},
		{"a gap that is too large", ten(append([]sight{gapOf(0, 6, 101, "expired")}, span(6, 10)...)), map[offenceKind]int{falseGap: 1}},
		{"a gap that is too small", ten(append([]sight{gapOf(0, 4, 101, "expired")}, span(5, 10)...)), map[offenceKind]int{lost: 1}},
		{"a gap before the deletion", ten(append([]sight{gapOf(0, 5, 99, "expired")}, span(5, 10)...)), map[offenceKind]int{falseGap: 1}},
		{"a gap for another reason", ten(append([]sight{gapOf(0, 5, 101, "slow")}, span(5, 10)...)), map[offenceKind]int{falseGap: 1}},
		{"a gap of nothing", ten(append([]sight{gapOf(5, 5, 101, "expired")}, span(0, 10)...)), map[offenceKind]int{falseGap: 1, lost: 4}},
		{"an aborted one", ten(append(append(span(0, 3), at(3)), span(4, 10)...)), map[offenceKind]int{wasAborted: 1}},
		{"one that was never written", ten(append(span(0, 10), at(10))), map[offenceKind]int{neverWritten: 1}},
		{"another number than was written", ten(append(span(0, 9), sight{place: at(9).place, number: 8})), map[offenceKind]int{neverWritten: 1, lost: 1}},
		{"from the position of ready on", with(ten(span(6, 10)), func(h *history) { h.clients[0].start["t"][0] = 6 }), nil},
		{"a partition that ready did not know, from its beginning", with(ten(span(6, 10)), func(h *history) { h.clients[0].start["t"] = nil }), map[offenceKind]int{lost: 5}},
		{"those of a key", with(ten([]sight{at(0), at(2), at(4), at(6), at(8)}), func(h *history) { h.clients[0].selection.key = "even" }), nil},
		{"one that has another key", with(ten([]sight{at(0), at(1), at(2), at(4), at(6), at(8)}), func(h *history) { h.clients[0].selection.key = "even" }), map[offenceKind]int{notAsked: 1}},
		{"one of a key left out", with(ten([]sight{at(0), at(4), at(6), at(8)}), func(h *history) { h.clients[0].selection.key = "even" }), map[offenceKind]int{lost: 1}},
		{"another partition", with(ten(span(0, 1)), func(h *history) { h.clients[0].selection.partition = 1 }), map[offenceKind]int{notAsked: 1}},
		{"a gap of another partition", with(ten([]sight{gapOf(0, 5, 101, "expired")}), func(h *history) { h.clients[0].selection.partition = 1 }), map[offenceKind]int{notAsked: 1}},
		{"an unknown end: seen", with(ten(span(0, 10)), func(h *history) { h.records[place{"t", 0, 4}] = written{4, "even", unsure} }), nil},
		{"an unknown end: not seen", with(ten(append(span(0, 4), span(5, 10)...)), func(h *history) { h.records[place{"t", 0, 4}] = written{4, "even", unsure} }), nil},
		{"a stream without ready", with(ten(span(0, 10)), func(h *history) { h.clients[0].conns[0].wrong = []string{"it begins with message"} }), map[offenceKind]int{badStream: 1}},
		{"a process that failed", with(ten(span(0, 10)), func(h *history) { h.unclean = []string{"exit 1"} }), map[offenceKind]int{uncleanEnd: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(c.h)
			if c.want == nil {
				c.want = map[offenceKind]int{}
			}
			require.Equal(t, c.want, v.counts, v.offences)
		})
	}
}

func TestWhatTheJudgeCounts(t *testing.T) {
	v := judge(ten(span(0, 2), append([]sight{gapOf(2, 5, 101, "expired")}, span(5, 10)...), span(8, 10)))
	require.Empty(t, v.offences)
	require.Equal(t, []int{9, 2, 1, 2}, []int{v.seen, v.repeated, v.gaps, v.gapped})
}
