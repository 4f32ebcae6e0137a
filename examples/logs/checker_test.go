package main

import (
	"bytes"
	"context"
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
		require.NoError(t, w.check.sending(t.Context(), one, two, three))
		for _, again := range []shipment{one, three, two, three, one, two, three} {
			w.write(recordOf(again, 0, traffic.now))
		}
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
		{"a line is lost on the way in", nth(20, raw, lose), "is not in the topic in its place"},
		{"two lines change places", swapped(20, raw), "is not in the topic in its place"},
		{"a second is lost", nth(5, shut, lose), "and was told as"},
		{"a second is repeated", nth(5, shut, repeat), "and was told as"},
		{"seconds change places", swapped(5, shut), "and was told as"},
		{"a line of a second is lost", nth(5, shut, change(`"n":`, `"n":1`)), "and was told as"},
		{"a level is wrong", nth(5, shut, change(`"levels":[`, `"levels":[9`)), "and was told as"},
		{"a latency is lost", nth(5, shut, change(`"ms":{"`, `"ms":{"63":1,"`)), "and was told as"},
		{"a template is lost", nth(5, shut, change(`"t":{"`, `"t":{"(lost)":9,"`)), "and was told as"},
		{"an open second is repeated", nth(20, open, repeat), "and was told as"},
		{"open seconds change places", swapped(20, open), "and was told as"},
		{"the table is not readable", nth(5, shut, func(e example.Event) []example.Event { e.Value = json.RawMessage(`7`); return []example.Event{e} }), "cannot be read"},
		{"a second is forgotten at once", nth(5, shut, func(e example.Event) []example.Event {
			gone := e
			gone.Value = json.RawMessage("null")
			return []example.Event{e, gone}
		}), "was forgotten too early"},
		{"an alert is lost", nth(1, alerts, lose), "State:begin"},
		{"an alert is repeated", nth(1, alerts, repeat), "is not due"},
		{"alerts change places", swapped(1, alerts), ""},
		{"an alert is wrong", nth(1, alerts, change(`"errors":`, `"errors":1`)), "State:begin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.edit = tt.edit
			length := 15 * time.Second
			if strings.Contains(tt.name, "alert") || strings.Contains(tt.name, "way in") || strings.Contains(tt.name, "lines change") {
				length = 160 * time.Second // An alert has begun and ended, and what is missing has been waited for.
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
	one, two := alert{"a", "begin", 20, 30, 9}, alert{"a", "end", 40, 30, 0}
	other := one
	other.Lines++
	told := func(c *checker, a alert) {
		value, err := json.Marshal(a)
		require.NoError(t, err)
		require.NoError(t, c.follow(example.Event{Topic: testTopics.alerts, Value: value}))
		c.tally("a").alerts.told = nil // It was due.
	}
	tests := []struct {
		name         string
		run          func(c *checker)
		ok, complete bool
	}{
		{"in any order with the topic, and again", func(c *checker) {
			told(c, one)
			c.arrived(one)
			c.arrived(one)
			c.arrived(two)
			c.arrived(one) // A replica that was killed had not committed it.
			told(c, two)
		}, true, true},
		{"a later one was delivered", func(c *checker) { told(c, one); c.arrived(two) }, false, true},
		{"a later one was delivered before both were read", func(c *checker) { c.arrived(two); told(c, one) }, false, true},
		{"it is another one", func(c *checker) { told(c, one); c.arrived(other) }, false, true},
		{"it is waited for", func(c *checker) { told(c, one) }, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newChecker(testTopics)
			tt.run(c)
			c.finish()
			require.Equal(t, tt.ok, c.Verdict().OK)
			require.Equal(t, tt.complete, c.Verdict().Complete)
		})
	}
}

func TestTheCheckersMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	traffic := newTraffic(3, 2, at, "run")
	for traffic.now.Before(at.Add(200 * time.Second)) {
		w.send(traffic.now, traffic.next()...)
	}
	require.Zero(t, w.check.waiting())
	for _, one := range w.check.tallies {
		require.LessOrEqual(t, len(one.counts), lateness+window+2)
	}
}

// TestTheInputWaitsForTheHandler has the handler stand still at first: what was
// sent is due in the table, and the input waits for it.
func TestTheInputWaitsForTheHandler(t *testing.T) {
	w := newWorld(t)
	var held []example.Event
	w.edit = func(e example.Event) []example.Event {
		if e.Topic == testTopics.raw {
			return []example.Event{e}
		}
		held = append(held, e)
		return nil
	}
	l := line{Source: "s", Seq: 1, Level: levelInfo, Millis: -1}
	w.send(at, newShipment("k", l, example.Text("x")))
	lines := make([]shipment, maxWaiting)
	for n := range lines {
		lines[n].line = line{Source: "others", Seq: int64(n + 1)}
	}
	require.NoError(t, w.check.sending(t.Context(), lines[1:]...))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.check.sending(ctx), context.Canceled)
	waited := make(chan error)
	go func() { waited <- w.check.sending(t.Context()) }()
	require.NoError(t, w.check.follow(held[0]))
	require.NoError(t, <-waited)
}
