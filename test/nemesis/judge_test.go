//go:build unix

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/deadletter"
)

// quiet is a run in which all went well. Partition 0 has the keys a and b,
// partition 1 has c; the record 0/3 is poison and 1/1 stubborn. Times are in
// nanoseconds.
func quiet() history {
	log := []written{
		{place{0, 0}, message{"a", 0, good}},
		{place{0, 1}, message{"b", 0, good}},
		{place{0, 2}, message{"a", 1, good}},
		{place{0, 3}, message{"a", 2, poison}},
		{place{0, 4}, message{"a", 3, good}},
		{place{1, 0}, message{"c", 0, good}},
		{place{1, 1}, message{"c", 1, stubborn}},
		{place{1, 2}, message{"c", 2, good}},
	}
	return history{
		log: log, acked: slices.Clone(log[:7]), told: 8, attempts: 3,
		starts: []start{
			member("one", quietOne),
			member("two", quietTwo),
		},
		letters: []letter{
			{at: place{5, 0}, written: log[3], class: deadletter.Permanent, attempts: 1},
			{at: place{5, 1}, written: log[6], class: deadletter.Exhausted, attempts: 3},
		},
		polls: []poll{
			{at: 15, committed: map[int32]int64{0: 1}, dead: map[int32]int64{}},
			{at: 60, committed: map[int32]int64{0: 4}, dead: map[int32]int64{5: 1}},
			{at: 200, committed: map[int32]int64{0: 5, 1: 3}, dead: map[int32]int64{5: 2}},
		},
		ends: map[int32]int64{0: 5, 1: 3},
	}
}

// The keys a and b are in work at the same time; b is tried twice.
const quietOne = `
a 1 0
b 10 1 0 0 a 0 in-time
b 11 2 0 1 b 0 in-time
e 12 1 ok
b 13 3 0 2 a 1 in-time
e 14 2 error
e 15 3 ok
b 20 4 0 3 a 2 in-time
b 21 5 0 1 b 0 in-time
e 22 4 permanent
e 23 5 ok
b 24 6 0 4 a 3 in-time
e 25 6 ok
r 26 0`

// The first assignment is lost in the middle of a record, which comes again.
const quietTwo = `
a 1 1
b 100 1 1 0 c 0 in-time
e 101 1 ok
b 102 2 1 1 c 1 in-time
a 103 1
b 104 3 1 0 c 0 in-time
e 105 2 cut
e 106 3 ok
b 107 4 1 1 c 1 in-time
e 108 4 error
b 109 5 1 1 c 1 in-time
e 110 5 error
b 111 6 1 1 c 1 in-time
e 112 6 error
b 113 7 1 2 c 2 in-time
e 114 7 ok
b 115 8 1 2 c 2 late
e 116 8 ok
b 117 9 1 2 c 2 in-ti`

func member(name, lines string) start {
	attempts, err := parse(strings.NewReader(strings.TrimPrefix(lines, "\n") + "\n"))
	if strings.HasSuffix(lines, "in-ti") { // Cut off by a SIGKILL.
		attempts, err = parse(strings.NewReader(strings.TrimPrefix(lines, "\n")))
	}
	if err != nil {
		panic(err)
	}
	return start{name, attempts}
}

func TestAQuietRunHasNoOffences(t *testing.T) {
	v := judge(quiet())
	require.Empty(t, v.offences)
	require.Equal(t, verdict{
		in: 8, handled: 6, repeated: 2, dead: 2,
		calls: 14, assignments: 3, asked: 3,
	}, v)
}

// Each promise that is broken is found, and nothing else is.
func TestOffences(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*history)
		want   map[offenceKind]int
	}{
		{"a record that nobody handled", func(h *history) {
			h.log = append(h.log, written{place{0, 5}, message{"z", 0, good}})
			h.ends[0], h.polls[2].committed[0] = 6, 6
		}, map[offenceKind]int{lost: 1, ahead: 1}},
		{"a record that was tried, and whose member was killed", func(h *history) {
			h.log = append(h.log, written{place{2, 0}, message{"z", 0, good}})
			h.starts = append(h.starts, member("three", "a 1 2\nb 2 1 2 0 z 0 in-time"))
		}, map[offenceKind]int{lost: 1}},
		{"a record that has failed, without a dead letter", func(h *history) {
			h.letters = h.letters[:1]
		}, map[offenceKind]int{lost: 1, ahead: 1}},
		{"poison that was handled, too, without a dead letter", func(h *history) {
			h.letters = h.letters[1:]
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 3 a 2 in-time\ne 3 1 ok"))
		}, map[offenceKind]int{notDead: 1}},
		{"an acknowledged record that Kafka does not have", func(h *history) {
			h.acked = append(h.acked, written{place{0, 9}, message{"a", 4, good}})
		}, map[offenceKind]int{notInLog: 1}},
		{"an acknowledged record in the place of another", func(h *history) {
			h.acked = append(h.acked, written{place{0, 4}, message{"a", 4, good}})
		}, map[offenceKind]int{notInLog: 1}},
		{"a record that was never written", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 77 a 2 in-time\ne 3 1 ok"))
		}, map[offenceKind]int{neverWritten: 1}},
		{"another record than the one of that place", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 1 in-time\ne 3 1 ok\nb 4 2 0 1 ? 0 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{neverWritten: 2}},
		{"a dead letter of nothing", func(h *history) {
			h.letters = append(h.letters, letter{at: place{5, 2}, written: written{place{0, 77}, message{"a", 0, good}}, class: deadletter.Panic})
		}, map[offenceKind]int{badLetter: 1}},
		{"a dead letter with the value of another record", func(h *history) {
			h.letters[0].message = message{"a", 1, good}
		}, map[offenceKind]int{badLetter: 1, lost: 1, ahead: 1}},
		{"a dead letter that is none", func(h *history) {
			h.letters = append(h.letters, letter{at: place{5, 2}, wrong: "no headers"})
		}, map[offenceKind]int{badLetter: 1}},
		{"a dead letter of a record that has not failed", func(h *history) {
			for _, class := range []deadletter.Class{deadletter.Permanent, deadletter.Panic, deadletter.Exhausted, deadletter.Timeout, deadletter.Decode, "whim"} {
				h.letters = append(h.letters, letter{at: place{5, 2}, written: h.log[0], class: class, attempts: 3})
			}
		}, map[offenceKind]int{badLetter: 6}},
		{"a dead letter before the last attempt", func(h *history) {
			h.letters[1].attempts = 2
		}, map[offenceKind]int{badLetter: 1}},
		{"a commit before the handler has begun", func(h *history) {
			h.polls[0].committed[0] = 3
		}, map[offenceKind]int{ahead: 1}}, // 0/1 ends at 23; 0/2 at 15, which is when the poll was answered.
		{"a commit before the handler has ended", func(h *history) {
			h.polls[0].at = 11
		}, map[offenceKind]int{ahead: 1}},
		{"a commit before the dead letter was there", func(h *history) {
			h.polls[1].dead = map[int32]int64{5: 0}
		}, map[offenceKind]int{ahead: 1}},
		{"a commit while nobody knew which dead letters there were", func(h *history) {
			h.polls[1].dead = nil
		}, nil},
		{"a commit that went back", func(h *history) {
			h.polls[1].committed[1], h.polls[1].at = 1, 110
			h.polls = append(h.polls[:2], poll{at: 120, committed: map[int32]int64{0: 4, 1: 0}, dead: map[int32]int64{5: 2}}, h.polls[2])
		}, nil},
		{"a commit above the end", func(h *history) {
			h.polls[2].committed[0] = 6
		}, map[offenceKind]int{unfinished: 1}},
		{"an end that was never reached", func(h *history) {
			h.polls = h.polls[:2]
		}, map[offenceKind]int{unfinished: 2}},
		{"two of a key at a time", func(h *history) {
			h.starts[0] = member("one", strings.Replace(quietOne, "e 12 1 ok\nb 13 3 0 2 a 1 in-time", "b 13 3 0 2 a 1 in-time\ne 12 1 ok", 1))
		}, map[offenceKind]int{overlap: 1}},
		{"the same record twice at a time", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\nb 3 2 0 0 a 0 in-time\ne 4 1 ok\ne 5 2 ok"))
		}, map[offenceKind]int{overlap: 1}},
		{"one that goes on beside one that never ends", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\nb 3 2 0 2 a 1 in-time\ne 4 2 ok"))
		}, map[offenceKind]int{overlap: 1}},
		{"an earlier record after a later one", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 2 a 1 in-time\ne 3 1 ok\nb 4 2 0 0 a 0 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{disorder: 1}},
		{"an earlier record after a later one, in the next assignment", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 2 a 1 in-time\ne 3 1 ok\na 4 0\nb 5 2 0 0 a 0 in-time\ne 6 2 ok"))
		}, nil},
		{"one that was handled, again", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 ok\nb 4 2 0 0 a 0 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{disorder: 1}},
		{"one that was handled, again by a call whose context had ended", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 ok\nb 4 2 0 0 a 0 late\ne 5 2 ok"))
		}, nil},
		{"one that has failed is overtaken", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 error\nb 4 2 0 2 a 1 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{disorder: 1}},
		{"one that was cut short is overtaken", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 cut\nb 4 2 0 2 a 1 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{disorder: 1}},
		{"one that has failed in a lost assignment goes on counting when it is back", func(h *history) {
			h.starts = append(h.starts, member("three", `a 1 1
b 2 1 1 1 c 1 in-time
e 3 1 error
b 4 2 1 1 c 1 in-time
e 5 2 error
a 6 1
b 7 3 1 1 c 1 in-time
e 8 3 error
b 9 4 1 2 c 2 in-time
e 10 4 ok`))
		}, nil},
		{"one of another key overtakes", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 error\nb 4 2 0 1 b 0 in-time\ne 5 2 ok"))
		}, nil},
		{"one that was left out", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 0 a 0 in-time\ne 3 1 ok\nb 4 2 0 4 a 3 in-time\ne 5 2 ok"))
		}, map[offenceKind]int{skipped: 2}},
		{"one that begins after its partition was handed over", func(h *history) {
			h.starts[0] = member("one", quietOne+"\nb 27 7 0 4 a 3 in-time\ne 28 7 ok")
		}, map[offenceKind]int{handedOver: 1}},
		{"one that begins before its partition was assigned", func(h *history) {
			h.starts = append(h.starts, member("three", "a 1 1\nb 2 1 0 0 a 0 in-time\ne 3 1 ok"))
		}, map[offenceKind]int{handedOver: 1}},
		{"one that begins when its partition is back", func(h *history) {
			h.starts[0] = member("one", quietOne+"\na 27 0,1\nb 28 7 0 4 a 3 in-time\ne 29 7 ok")
		}, nil},
		{"a process that ended by itself", func(h *history) {
			h.unclean = []string{"one ended by itself"}
		}, map[offenceKind]int{uncleanEnd: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := quiet()
			c.change(&h)
			v := judge(h)
			got := map[offenceKind]int{}
			for _, o := range v.offences {
				got[o.kind]++
			}
			if c.want == nil {
				c.want = map[offenceKind]int{}
			}
			require.Equal(t, c.want, got, "%v", v.offences)
		})
	}
}

// What is counted and is no offence.
func TestFigures(t *testing.T) {
	h := quiet()
	h.letters = append(h.letters, letter{at: place{5, 2}, written: h.log[3], class: deadletter.Permanent, attempts: 1})
	h.starts = append(h.starts, member("three", "a 1 0\nb 2 1 0 3 a 2 in-time\ne 3 1 ok\nb 4 2 0 4 a 3 in-time"))
	h.polls[2].committed[0] = 3
	h.polls = append(h.polls, poll{at: 300, committed: map[int32]int64{0: 5, 1: 3}})
	v := judge(h)
	require.Empty(t, v.offences)
	require.Equal(t, verdict{
		in: 8, handled: 7, repeated: 2, dead: 2, bothWays: 1, deadAgain: 1,
		calls: 16, cutOff: 1, assignments: 4, asked: 4, back: 1,
	}, v)
}

func TestRecovery(t *testing.T) {
	i := incident{over: 50, need: map[int32]int64{0: 3, 1: 1}}
	polls := []poll{
		{at: 40, committed: map[int32]int64{0: 3, 1: 1}},
		{at: 60, committed: map[int32]int64{0: 3}},
		{at: 70, committed: map[int32]int64{0: 4, 1: 1}},
		{at: 80, committed: map[int32]int64{0: 4, 1: 1}},
	}
	took, ok := i.recovery(polls)
	require.True(t, ok)
	require.Equal(t, 20*time.Nanosecond, took)
	_, ok = i.recovery(polls[:2])
	require.False(t, ok)
}

func TestLinesOfARecorder(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"cut off", "a 1 0\nb 2 1 0 0 a", ""},
		{"an empty line", "\n", "line 1: is too short"},
		{"no time", "a x 0\n", "line 1: time"},
		{"no such kind", "x 1 0\n", "line 1: is no line of a recorder"},
		{"a field too few", "b 1 1 0 0 a 0\n", "is no line of a recorder"},
		{"no partition", "a 1 x\n", "partition"},
		{"no offset", "b 1 1 0 x a 0 in-time\n", "invalid syntax"},
		{"a call that begins twice", "b 1 1 0 0 a 0 in-time\nb 1 1 0 0 a 0 in-time\n", "line 2: call 1 begins twice"},
		{"a call that has not begun", "e 1 1 ok\n", "call 1 ends and has not begun"},
		{"an end of no kind", "b 1 1 0 0 a 0 in-time\ne 1 1 fine\n", `"fine" is no outcome`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(strings.NewReader(c.text))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
