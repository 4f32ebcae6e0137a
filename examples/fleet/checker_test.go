package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
	"sluice/record"
)

// run is a run of the example in memory: what was written, and what is in the
// topics then.
type run struct {
	city                     *city
	written                  [][]message // by turn
	positions, state, alerts []example.Event
}

// newRun has some vehicles drive for forty minutes, in three partitions.
func newRun(t *testing.T) *run {
	t.Helper()
	r := &run{city: newCity()}
	vehicles := newTraffic(r.city, settings{vehicles: 8, every: 10 * time.Second, clock: 1, seed: 6}, written.Add(-2*time.Hour))
	for turn := range 240 * vehicles.turns {
		messages := vehicles.next(vehicles.begin.Add(time.Duration(turn) * 100 * time.Millisecond))
		if len(messages) > 0 {
			r.written = append(r.written, messages)
		}
		for _, m := range messages {
			r.add(m)
		}
	}
	r.handle(t)
	require.Greater(t, len(of(r.alerts, "v0007")), 6)
	return r
}

// clone is a run that may be changed.
func (r *run) clone() *run {
	return &run{r.city, slices.Clone(r.written), slices.Clone(r.positions), slices.Clone(r.state), slices.Clone(r.alerts)}
}

// partitionOf is where a vehicle's positions are.
func partitionOf(id string) int32 { return int32(id[len(id)-1]-'0') % 3 }

func event(topic string, partition int32, offset int, key string, value any) example.Event {
	text, _ := json.Marshal(value) // What is given marshals.
	return example.Event{Topic: topic, Partition: partition, Offset: int64(offset), Time: written, Key: key, Value: text}
}

// positionOf is a message in the topic of positions: what is no JSON is read as
// a string.
func positionOf(m message, offset int) example.Event {
	if json.Valid([]byte(m.text)) {
		return event("positions", partitionOf(m.vehicle), offset, m.vehicle, json.RawMessage(m.text))
	}
	return event("positions", partitionOf(m.vehicle), offset, m.vehicle, m.text)
}

// add appends to the topic of positions; the offsets count all partitions.
func (r *run) add(m message) {
	r.positions = append(r.positions, positionOf(m, len(r.positions)))
}

// handle makes of the positions what the handler would.
func (r *run) handle(t *testing.T) {
	t.Helper()
	states := map[int32]*tracker{}
	r.state, r.alerts = nil, nil
	for _, e := range r.positions {
		k := states[e.Partition]
		if k == nil {
			k = newTracker(r.city, testTopics)
			states[e.Partition] = k
		}
		made, err := k.Handle(t.Context(), &record.Record{Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Timestamp: e.Time, Key: []byte(e.Key), Value: e.Value})
		if err != nil {
			continue // A dead letter.
		}
		r.state = append(r.state, event("state", e.Partition, len(r.state), e.Key, json.RawMessage(made[0].Value)))
		for _, m := range made[1:] {
			r.alerts = append(r.alerts, event("alerts", 0, len(r.alerts), e.Key, json.RawMessage(m.Value)))
		}
	}
}

// check gives the checker everything, one topic after the other in some order.
func (r *run) check(t *testing.T, order ...[]example.Event) example.Verdict {
	t.Helper()
	c := newChecker(r.city, testTopics)
	for _, messages := range r.written {
		for _, m := range messages {
			c.wrote(m)
		}
	}
	require.False(t, c.verdict().Complete)
	if order == nil {
		order = [][]example.Event{r.positions, r.state, r.alerts}
	}
	for _, events := range order {
		for _, e := range events {
			require.NoError(t, c.observe(e))
		}
	}
	require.False(t, c.verdict().Complete, "more may be written")
	c.end()
	v := c.verdict()
	require.Equal(t, c.behind() == 0, v.Complete)
	return v
}

// of returns the indexes of a vehicle's events.
func of(events []example.Event, id string) (all []int) {
	for i, e := range events {
		if e.Key == id {
			all = append(all, i)
		}
	}
	return all
}

func TestCheckerIsGreen(t *testing.T) {
	r := newRun(t)
	mixed := slices.Concat(r.positions, r.state, r.alerts)
	slices.SortStableFunc(mixed, func(a, b example.Event) int { return int(a.Offset - b.Offset) })
	for name, order := range map[string][][]example.Event{
		"the input first":  {r.positions, r.state, r.alerts},
		"the input last":   {r.alerts, r.state, r.positions},
		"in between":       {r.state, r.positions, r.alerts},
		"all at one time":  {mixed},
		"other topics too": {{{Topic: "map"}, {Topic: "check"}}, mixed},
	} {
		t.Run(name, func(t *testing.T) {
			v := r.check(t, order...)
			require.True(t, v.OK, v.Offences)
			require.True(t, v.Complete, v.Figures)
			require.NotNil(t, v.Offences, "a list in JSON")
		})
	}
}

// TestCheckerForgets says that memory does not grow with what was right.
func TestCheckerForgets(t *testing.T) {
	r := newRun(t)
	c := newChecker(r.city, testTopics)
	for _, e := range r.positions {
		require.NoError(t, c.observe(e))
	}
	require.Equal(t, len(r.state)+len(r.alerts), c.behind())
	for _, e := range slices.Concat(r.state, r.alerts) {
		require.NoError(t, c.observe(e))
	}
	require.Zero(t, c.behind())
	require.Len(t, c.queues, 16)
}

// TestCheckerBearsWhatMayBe: repetitions of service A, poison, a table that is
// compacted, and partitions that were added.
func TestCheckerBearsWhatMayBe(t *testing.T) {
	base := newRun(t)
	for name, change := range map[string]func(t *testing.T, r *run){
		"turns that were written twice, in part": func(t *testing.T, r *run) {
			r.positions = nil
			for n, messages := range r.written {
				for _, m := range messages[n%len(messages):] {
					r.add(m)
				}
				for _, m := range messages {
					r.add(m)
				}
			}
			r.handle(t)
		},
		"what others have written": func(t *testing.T, r *run) {
			for n := range 6 {
				p := point{"v0003", written.UnixMilli(), 1, 1, 1, 1}
				r.positions = slices.Insert(r.positions, 200*n, positionOf(message{p.ID, malformed(n, p)}, 0))
			}
			r.add(message{"v0001", point{"v0001", written.UnixMilli(), 1, 1, 1, 1}.text()})
			r.number()
			r.handle(t)
		},
		"a table that is compacted": func(_ *testing.T, r *run) {
			last := map[string]int{}
			for i, e := range r.state {
				last[e.Key] = i
			}
			all := r.state
			r.state = nil
			for i, e := range all {
				if last[e.Key] == i || i%3 == 0 {
					r.state = append(r.state, e)
				}
			}
		},
		"keys that move": func(t *testing.T, r *run) {
			half := len(r.positions) / 2
			for i := range r.positions[half:] {
				r.positions[half+i].Partition += 3
			}
			r.handle(t)
			// The new partitions are read before the end of the old ones.
			r.positions = slices.Concat(r.positions[:half-90], r.positions[half:half+90], r.positions[half-90:half], r.positions[half+90:])
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := base.clone()
			change(t, r)
			v := r.check(t)
			require.True(t, v.OK, v.Offences)
			require.True(t, v.Complete, v.Figures)
		})
	}
}

// number gives the positions their offsets.
func (r *run) number() {
	for i := range r.positions {
		r.positions[i].Offset = int64(i)
	}
}

// TestCheckerIsRed: a checker that cannot fail is none.
func TestCheckerIsRed(t *testing.T) {
	base := newRun(t)
	const id = "v0007"
	for name, c := range map[string]struct {
		spoil func(t *testing.T, r *run)
		says  string
	}{
		"a position is lost": {func(t *testing.T, r *run) {
			i := of(r.positions, id)[50]
			r.positions = slices.Delete(r.positions, i, i+1)
			r.handle(t)
		}, "1 positions of v0007 that service A has acknowledged are not where they belong"},
		"positions are out of order": {func(t *testing.T, r *run) {
			at := of(r.positions, id)
			a, b := &r.positions[at[50]], &r.positions[at[55]]
			a.Value, b.Value = b.Value, a.Value
			r.handle(t)
		}, "that service A has acknowledged are not where they belong"},
		"a position is not handled": {func(t *testing.T, r *run) {
			all, i := r.positions, of(r.positions, id)[50]
			r.positions = slices.Delete(slices.Clone(all), i, i+1)
			r.handle(t)
			r.positions = all
		}, "state of v0007 is wrong, repeated or too late"},
		"a position is handled twice": {func(t *testing.T, r *run) {
			all, i := r.positions, of(r.positions, id)[50]
			r.positions = slices.Insert(slices.Clone(all), i, all[i])
			r.handle(t)
			r.positions = all
		}, "state of v0007 is wrong, repeated or too late"},
		"positions are handled out of order": {func(t *testing.T, r *run) {
			all, at := r.positions, of(r.positions, id)
			r.positions = slices.Clone(all)
			r.positions[at[50]], r.positions[at[55]] = all[at[55]], all[at[50]]
			r.handle(t)
			r.positions = all
		}, "v0007"},
		"a state is lost at a restart": {func(t *testing.T, r *run) {
			all, at := r.positions, of(r.positions, id)
			r.positions = all[:at[50]]
			r.handle(t)
			state, alerts := r.state, r.alerts
			r.positions = all[at[50]:]
			r.handle(t)
			r.positions, r.state, r.alerts = all, slices.Concat(state, r.state), slices.Concat(alerts, r.alerts)
		}, "state of v00"},
		"an alert is lost": {func(_ *testing.T, r *run) {
			i := of(r.alerts, id)[3]
			r.alerts = slices.Delete(r.alerts, i, i+1)
		}, "alerts of v0007 has left out 1 before"},
		"an alert is repeated": {func(_ *testing.T, r *run) {
			i := of(r.alerts, id)[3]
			r.alerts = slices.Insert(r.alerts, i, r.alerts[i])
		}, "alerts of v0007 is wrong, repeated or too late"},
		"the last alert is repeated": {func(_ *testing.T, r *run) {
			at := of(r.alerts, id)
			r.alerts = append(r.alerts, r.alerts[at[len(at)-1]])
		}, "alerts of v0007 is wrong, repeated or too late"},
		"alerts are out of order": {func(_ *testing.T, r *run) {
			at := of(r.alerts, id)
			r.alerts[at[3]], r.alerts[at[4]] = r.alerts[at[4]], r.alerts[at[3]]
		}, "alerts of v0007 has left out 1 before"},
		"an alert says something else": {func(_ *testing.T, r *run) {
			e := &r.alerts[of(r.alerts, id)[3]]
			e.Value = json.RawMessage(replaceOnce(string(e.Value), `"kind":"`, `"kind":"not `))
		}, "alerts of v0007 is wrong, repeated or too late"},
		"an alert from nothing": {func(_ *testing.T, r *run) {
			r.alerts = append(r.alerts, event("alerts", 0, len(r.alerts), id, alert{Vehicle: id, Seq: 9999, source: source{partitionOf(id), 5}}))
		}, "alerts of v0007 is wrong, repeated or too late"},
		"what is no alert": {func(_ *testing.T, r *run) {
			r.alerts = append(r.alerts, event("alerts", 0, len(r.alerts), id, "hello"))
		}, "of alerts was made of no position"},
		"tracks are out of order": {func(_ *testing.T, r *run) {
			at := of(r.state, id)
			r.state[at[3]], r.state[at[4]] = r.state[at[4]], r.state[at[3]]
		}, "state of v0007 is wrong, repeated or too late"},
		"a track is repeated": {func(_ *testing.T, r *run) {
			i := of(r.state, id)[3]
			r.state = slices.Insert(r.state, i, r.state[i])
		}, "state of v0007 is wrong, repeated or too late"},
		"a last point that is another": {func(_ *testing.T, r *run) {
			at := of(r.state, id)
			e := &r.state[at[len(at)-1]]
			e.Value = json.RawMessage(replaceOnce(string(e.Value), `"x":`, `"x":1`))
		}, "state of v0007 is wrong, repeated or too late"},
		"a track of no position": {func(_ *testing.T, r *run) {
			i := of(r.state, id)[3]
			e := r.state[i]
			offset := r.positions[of(r.positions, id)[3]].Offset
			e.Value = json.RawMessage(replaceOnce(string(e.Value), fmt.Sprintf(`"offset":%d`, offset), fmt.Sprintf(`"offset":%d`, offset+1)))
			r.state = slices.Insert(r.state, i+1, e)
		}, "state of v0007 is wrong, repeated or too late"},
		"a track in another partition": {func(_ *testing.T, r *run) {
			r.state[of(r.state, id)[3]].Partition++
		}, "of state was made of no position"},
		"what is no track": {func(_ *testing.T, r *run) {
			r.state = append(r.state, event("state", 0, len(r.state), "bus", track{}))
		}, "of state was made of no position"},
	} {
		t.Run(name, func(t *testing.T) {
			r := base.clone()
			c.spoil(t, r)
			for order, events := range map[string][][]example.Event{"the input first": {r.positions, r.state, r.alerts}, "the input last": {r.state, r.alerts, r.positions}} {
				v := r.check(t, events...)
				require.False(t, v.OK, order)
				require.NotEmpty(t, v.Offences)
				require.LessOrEqual(t, len(v.Offences), 20)
				require.Contains(t, fmt.Sprint(v.Offences), c.says, order)
			}
		})
	}
}

// TestCheckerIsNotComplete: what does not come at all cannot be told from what
// has not come yet.
func TestCheckerIsNotComplete(t *testing.T) {
	base := newRun(t)
	for name, lose := range map[string]func(r *run){
		"the last position": func(r *run) { r.positions = r.positions[:len(r.positions)-1] },
		"the last track":    func(r *run) { r.state = r.state[:len(r.state)-1] },
		"the last alert":    func(r *run) { r.alerts = r.alerts[:len(r.alerts)-1] },
	} {
		t.Run(name, func(t *testing.T) {
			r := base.clone()
			lose(r)
			v := r.check(t)
			require.True(t, v.OK, v.Offences)
			require.False(t, v.Complete)
		})
	}
}

// TestCheckerSeesAStateThatForgets has a handler that is plainly wrong: it
// forgets a vehicle now and then.
func TestCheckerSeesAStateThatForgets(t *testing.T) {
	r := newRun(t)
	k := newTracker(r.city, testTopics)
	r.state, r.alerts = nil, nil
	for i, e := range r.positions {
		if i%500 == 499 {
			clear(k.tracks)
		}
		made, err := k.Handle(t.Context(), &record.Record{Partition: e.Partition, Offset: e.Offset, Timestamp: e.Time, Key: []byte(e.Key), Value: e.Value})
		if err != nil {
			continue // A dead letter.
		}
		r.state = append(r.state, event("state", e.Partition, i, e.Key, json.RawMessage(made[0].Value)))
		for _, m := range made[1:] {
			r.alerts = append(r.alerts, event("alerts", 0, i, e.Key, json.RawMessage(m.Value)))
		}
	}
	require.False(t, r.check(t).OK)
}

// replaceOnce fails loudly where there is nothing to replace.
func replaceOnce(text, from, to string) string {
	if before, after, found := strings.Cut(text, from); found {
		return before + to + after
	}
	panic("there is no " + from + " in " + text)
}
