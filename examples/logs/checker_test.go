package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
	"sluice/record"
)

func figure(v example.Verdict, name string) int64 {
	for _, f := range v.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	return -1
}

func TestTheCheckerIsGreen(t *testing.T) {
	w := newWorld(t)
	v := w.run(time.Minute)
	require.True(t, v.OK, v.Offences)
	require.True(t, v.Complete, v)
	require.Greater(t, figure(v, "seconds compared"), int64(600))
	require.GreaterOrEqual(t, figure(v, "alerts delivered"), int64(2))
	require.Greater(t, figure(v, "repeats"), int64(2))
}

// TestWhatOthersWriteCounts injects poison, which the checker counts, too.
func TestWhatOthersWriteCounts(t *testing.T) {
	w := newWorld(t)
	poison := []string{"", "{", "\xff\xfe", `"quoted"`, `"\"twice\""`, `{"a":1,"a":2}`, "null", `{"ts":"2026-01-02T12:00:01Z","msg":"a","level":"error"}`, "<14>1 2026-01-02T12:00:01Z - - - - - x", `"<14>1 2026-01-02T12:00:02Z - - - - - x"`}
	traffic := newTraffic(3, 30, at, "run")
	for n := range 200 {
		w.send(traffic.now, traffic.next()...)
		r := record.Record{Topic: testTopics.raw, Key: []byte([]string{"gateway", "", "new|one", "\xfe"}[n%4]), Value: []byte(poison[n%len(poison)]), Timestamp: traffic.now}
		if n%3 == 0 { // A shipper of somebody else, that repeats.
			r.Headers = []record.Header{{Key: headerSource, Value: []byte("theirs")}, {Key: headerSeq, Value: []byte(strconv.Itoa(n / 6))}}
		}
		if n%20 == 7 {
			r.Value = nil
		}
		w.write(r)
	}
	w.check.finish()
	v := w.check.Verdict()
	require.True(t, v.OK, v.Offences)
	require.True(t, v.Complete)
}

// TestWhatWasInDoubtComesAgain has lines in the topic as a client that was in
// doubt leaves them: none is lost, none counts twice, and nothing is wrong.
func TestWhatWasInDoubtComesAgain(t *testing.T) {
	w := newWorld(t)
	traffic := newTraffic(3, 30, at, "run")
	for range 50 {
		lines := traffic.next()
		w.send(traffic.now, lines...)
		o := traffic.origins[0]
		one, two, three := traffic.line(o, false), traffic.line(o, false), traffic.line(o, false)
		require.NoError(t, w.check.sending(t.Context(), one.line, two.line, three.line))
		for _, again := range []shipment{one, three, two, three, one, two, three} {
			w.write(recordOf(again, 0, traffic.now))
		}
		w.check.acknowledged(one.line, two.line, three.line)
	}
	w.check.finish()
	v := w.check.Verdict()
	require.True(t, v.OK, v.Offences)
	require.True(t, v.Complete)
	require.GreaterOrEqual(t, figure(v, "repeats"), int64(200))
}

// TestTheCheckerTurnsRed breaks one thing at a time, somewhere in the middle.
func TestTheCheckerTurnsRed(t *testing.T) {
	// nth applies edit to the nth event that is like this, and to no other.
	nth := func(n int, like func(example.Event) bool, edit func(example.Event) []example.Event) func(example.Event) []example.Event {
		return func(e example.Event) []example.Event {
			if like(e) {
				if n--; n == 0 {
					return edit(e)
				}
			}
			return []example.Event{e}
		}
	}
	// swapped has the nth event that is like this come after the next one.
	swapped := func(n int, like func(example.Event) bool) func(example.Event) []example.Event {
		var held []example.Event
		return func(e example.Event) []example.Event {
			if !like(e) {
				return []example.Event{e}
			}
			n--
			if n == 0 {
				held = []example.Event{e}
				return nil
			}
			all := append([]example.Event{e}, held...)
			held = nil
			return all
		}
	}
	lose := func(example.Event) []example.Event { return nil }
	repeat := func(e example.Event) []example.Event { return []example.Event{e, e} }
	change := func(from, to string) func(example.Event) []example.Event {
		return func(e example.Event) []example.Event {
			require.Contains(t, string(e.Value), from)
			e.Value = bytes.Replace(e.Value, []byte(from), []byte(to), 1)
			return []example.Event{e}
		}
	}
	raw := func(e example.Event) bool { return e.Topic == testTopics.raw && e.Key == "gateway" }
	open := func(e example.Event) bool {
		return e.Topic == testTopics.counts && strings.HasPrefix(e.Key, "gateway|open")
	}
	shut := func(e example.Event) bool {
		return e.Topic == testTopics.counts && strings.HasPrefix(e.Key, "gateway|") && !open(e) && !e.Tombstone()
	}
	alerts := func(e example.Event) bool { return e.Topic == testTopics.alerts }
	tests := []struct {
		name string
		edit func(example.Event) []example.Event
		want string
	}{
		{"a line is lost on the way in", nth(20, raw, lose), "was acknowledged, and is not in the topic"},
		{"two lines change places", swapped(20, raw), "is not in the topic in its place"},
		{"a second is lost", nth(5, shut, lose), "is not in the table"},
		{"a second is repeated", nth(5, shut, repeat), "was closed a second time"},
		{"seconds change places", swapped(5, shut), "is not in the table"},
		{"a line of a second is lost", nth(5, shut, change(`"n":`, `"n":1`)), "and the plain count is"},
		{"a level is wrong", nth(5, shut, change(`"levels":[`, `"levels":[9`)), "and the plain count is"},
		{"a latency is lost", nth(5, shut, change(`"ms":{"`, `"ms":{"63":1,"`)), "and the plain count is"},
		{"a template is lost", nth(5, shut, change(`"t":{"`, `"t":{"(lost)":9,"`)), "and the plain count is"},
		{"an open second is repeated", nth(20, open, repeat), "went back"},
		{"open seconds change places", swapped(20, open), "went back"},
		{"the table is not readable", nth(5, shut, func(e example.Event) []example.Event { e.Value = json.RawMessage(`7`); return []example.Event{e} }), "cannot be read"},
		{"a second is forgotten at once", nth(5, shut, func(e example.Event) []example.Event {
			gone := e
			gone.Value = json.RawMessage("null")
			return []example.Event{e, gone}
		}), "was forgotten too early"},
		{"an alert is lost", nth(1, alerts, lose), "is due, and"},
		{"an alert is repeated", nth(1, alerts, repeat), "was told again"},
		{"alerts change places", swapped(1, alerts), ""},
		{"an alert is wrong", nth(1, alerts, change(`"errors":`, `"errors":1`)), "is due, and"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.edit = tt.edit
			length := 15 * time.Second
			if strings.Contains(tt.name, "alert") {
				length = 50 * time.Second // One has begun and ended.
			}
			v := w.run(length)
			require.False(t, v.OK)
			require.Contains(t, strings.Join(v.Offences, "\n"), tt.want)
			require.LessOrEqual(t, len(v.Offences), maxOffences)
		})
	}
}

// TestABuggyStateIsFound has the state itself do something wrong.
func TestABuggyStateIsFound(t *testing.T) {
	tests := []struct {
		name string
		bug  func(*counter)
	}{
		{"it remembers no numbers", func(c *counter) {
			for _, s := range c.services {
				s.Senders = nil
			}
		}},
		{"it forgets an open second", func(c *counter) {
			for _, s := range c.services {
				delete(s.seconds, s.Newest)
			}
		}},
		{"it forgets that an alert is on", func(c *counter) {
			for _, s := range c.services {
				s.Alarm = alarm{}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.bug = tt.bug
			require.False(t, w.run(30*time.Second).OK)
		})
	}
}

func TestWhatIsMissingAtTheEndIsNotComplete(t *testing.T) {
	tests := []struct {
		name string
		lose func(example.Event) bool
	}{
		{"the last lines", func(e example.Event) bool { return e.Topic == testTopics.raw && e.Offset > 700 }},
		{"the table's end", func(e example.Event) bool { return e.Topic == testTopics.counts && e.Offset > 700 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.edit = func(e example.Event) []example.Event {
				if tt.lose(e) {
					return nil
				}
				return []example.Event{e}
			}
			v := w.run(30 * time.Second)
			require.False(t, v.Complete)
		})
	}
}

func TestDeliveries(t *testing.T) {
	a, b := alert{Service: "a"}, alert{Service: "b"}
	t.Run("in any order with the topic", func(t *testing.T) {
		d := newDeliveries()
		require.Empty(t, d.expect(spot{0, 0}, a))
		require.False(t, d.complete())
		require.Empty(t, d.arrive(spot{0, 0}, a))
		require.Empty(t, d.arrive(spot{0, 0}, a), "it may come again")
		require.Empty(t, d.arrive(spot{0, 2}, b), "the topic is not read so far")
		require.False(t, d.complete())
		require.Empty(t, d.arrive(spot{0, 0}, a), "a replica that was killed had not committed it")
		require.Empty(t, d.expect(spot{0, 2}, b))
		require.True(t, d.complete())
		require.Equal(t, int64(2), d.count)
		require.Empty(t, d.pending)
		require.Empty(t, d.early)
	})
	t.Run("a later one was delivered", func(t *testing.T) {
		d := newDeliveries()
		require.Empty(t, d.expect(spot{0, 0}, a))
		require.Empty(t, d.arrive(spot{1, 5}, b), "another partition")
		require.NotEmpty(t, d.arrive(spot{0, 1}, b))
	})
	t.Run("a later one was delivered before both were read", func(t *testing.T) {
		d := newDeliveries()
		require.Empty(t, d.arrive(spot{0, 1}, b))
		require.NotEmpty(t, d.expect(spot{0, 0}, a))
		require.Empty(t, d.expect(spot{0, 1}, b))
	})
	t.Run("it is another one", func(t *testing.T) {
		d := newDeliveries()
		require.Empty(t, d.expect(spot{0, 0}, a))
		require.NotEmpty(t, d.arrive(spot{0, 0}, b))
		require.Empty(t, d.arrive(spot{1, 0}, b))
		require.NotEmpty(t, d.expect(spot{1, 0}, a))
	})
}

// TestTheCheckersMemoryIsBounded has no handler work: the truth is forgotten
// where the table does not come.
func TestTheCheckersMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	w.edit = func(e example.Event) []example.Event {
		if e.Topic != testTopics.raw {
			return nil
		}
		return []example.Event{e}
	}
	traffic := newTraffic(3, 2, at, "run")
	for traffic.now.Before(at.Add((keep + 200) * time.Second)) {
		w.send(traffic.now, traffic.next()...)
	}
	for _, one := range w.check.tallies {
		require.LessOrEqual(t, len(one.counts), keep+lateness+2)
	}
	require.Empty(t, w.check.pending)
}

func TestTheInputWaitsForTheChecker(t *testing.T) {
	check := newChecker(testTopics)
	lines := make([]line, maxPending)
	for n := range lines {
		lines[n] = line{Source: "s", Seq: int64(n + 1)}
	}
	require.NoError(t, check.sending(t.Context(), lines...))
	waited := make(chan error)
	go func() { waited <- check.sending(t.Context(), line{Source: "s", Seq: maxPending + 1}) }()
	require.NoError(t, check.follow(example.Event{Topic: testTopics.raw, Key: "k", Time: at, Value: json.RawMessage(`"x"`), Headers: map[string]string{headerSource: "s", headerSeq: "1"}}))
	require.NoError(t, <-waited)
}
