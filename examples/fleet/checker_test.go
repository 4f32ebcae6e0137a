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
	written                  [][]point // by batch
	positions, state, alerts []example.Event
}

// newRun has some vehicles drive for forty minutes, in three partitions.
func newRun(t *testing.T) *run {
	t.Helper()
	r := &run{city: newCity()}
	vehicles := newTraffic(r.city, settings{vehicles: 8, every: 100 * time.Millisecond, step: 10 * time.Second, seed: 6}, written.Add(-2*time.Hour))
	for range 240 {
		points := vehicles.next()
		r.written = append(r.written, points)
		for _, p := range points {
			r.add(p)
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

// add appends to the topic of positions; the offsets count all partitions.
func (r *run) add(p point) {
	r.positions = append(r.positions, event("positions", partitionOf(p.ID), len(r.positions), p.ID, p))
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
	for batch, points := range r.written {
		for _, p := range points {
			value, err := json.Marshal(p)
			require.NoError(t, err)
			c.wrote(int64(batch), p.ID, value)
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
	require.Len(t, c.lanes, 8)
}

// TestCheckerBearsWhatMayBe: repetitions of service A, poison, a table that is
// compacted, and partitions that were added.
func TestCheckerBearsWhatMayBe(t *testing.T) {
	base := newRun(t)
	for name, change := range map[string]func(t *testing.T, r *run){
		"a batch that was written twice": func(t *testing.T, r *run) {
			points := r.written[10]
			at := slices.IndexFunc(r.positions, func(e example.Event) bool { return e.Key == points[0].ID && eventTime(t, e) > points[0].T })
			again := []example.Event{}
			for _, p := range points {
				again = append(again, event("positions", partitionOf(p.ID), 0, p.ID, p))
			}
			r.positions = slices.Insert(r.positions, at, again...)
			r.number()
			r.handle(t)
		},
		"a batch of which the first try was in part": func(t *testing.T, r *run) {
			id := r.written[0][0].ID
			points := []point{{id, 1, 1, 1, 0, 0}, {id, 2, 2, 2, 0, 0}, {id, 3, 3, 3, 0, 0}}
			*r = run{city: r.city, written: [][]point{points}}
			for _, n := range []int{0, 2, 1, 2} {
				r.add(points[n])
			}
			r.handle(t)
		},
		"what others have written": func(t *testing.T, r *run) {
			for n := range 6 {
				p := r.written[100][n]
				r.positions = slices.Insert(r.positions, 200*n, event("positions", partitionOf(p.ID), 0, p.ID, string(malformed(n, p))))
			}
			r.positions = append(r.positions, event("positions", 1, 0, "v0001", point{"v0001", written.UnixMilli(), 1, 1, 1, 1}))
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

func eventTime(t *testing.T, e example.Event) int64 {
	t.Helper()
	var p point
	require.NoError(t, json.Unmarshal(e.Value, &p))
	return p.T
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
		}, "the track of v0007 is"},
		"a position is handled twice": {func(t *testing.T, r *run) {
			all, i := r.positions, of(r.positions, id)[50]
			r.positions = slices.Insert(slices.Clone(all), i, all[i])
			r.handle(t)
			r.positions = all
		}, "the track of v0007 goes back from offset"},
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
		}, "the track of v00"},
		"an alert is lost": {func(_ *testing.T, r *run) {
			i := of(r.alerts, id)[3]
			r.alerts = slices.Delete(r.alerts, i, i+1)
		}, "before alert 5 of v0007 the 1 from 4 on were left out"},
		"an alert is repeated": {func(_ *testing.T, r *run) {
			i := of(r.alerts, id)[3]
			r.alerts = slices.Insert(r.alerts, i, r.alerts[i])
		}, "alert 4 of v0007 has come once more"},
		"the last alert is repeated": {func(_ *testing.T, r *run) {
			at := of(r.alerts, id)
			r.alerts = append(r.alerts, r.alerts[at[len(at)-1]])
		}, "of v0007 has come once more"},
		"alerts are out of order": {func(_ *testing.T, r *run) {
			at := of(r.alerts, id)
			r.alerts[at[3]], r.alerts[at[4]] = r.alerts[at[4]], r.alerts[at[3]]
		}, "before alert 5 of v0007 the 1 from 4 on were left out"},
		"an alert says something else": {func(_ *testing.T, r *run) {
			e := &r.alerts[of(r.alerts, id)[3]]
			e.Value = json.RawMessage(replaceOnce(string(e.Value), `"kind":"`, `"kind":"not `))
		}, "alert 4 of v0007 is"},
		"an alert from nothing": {func(_ *testing.T, r *run) {
			r.alerts = append(r.alerts, event("alerts", 0, len(r.alerts), id, alert{Vehicle: id, Seq: 9999, source: source{partitionOf(id), 5}}))
		}, "alert 9999 of v0007 has come once more, too late, or from nothing"},
		"what is no alert": {func(_ *testing.T, r *run) {
			r.alerts = append(r.alerts, event("alerts", 0, len(r.alerts), id, "hello"))
		}, "is no alert"},
		"tracks are out of order": {func(_ *testing.T, r *run) {
			at := of(r.state, id)
			r.state[at[3]], r.state[at[4]] = r.state[at[4]], r.state[at[3]]
		}, "the track of v0007 goes back from offset"},
		"a track is repeated": {func(_ *testing.T, r *run) {
			i := of(r.state, id)[3]
			r.state = slices.Insert(r.state, i, r.state[i])
		}, "the track of v0007 goes back from offset"},
		"a last point that is another": {func(_ *testing.T, r *run) {
			at := of(r.state, id)
			e := &r.state[at[len(at)-1]]
			e.Value = json.RawMessage(replaceOnce(string(e.Value), `"x":`, `"x":1`))
		}, "the track of v0007 is"},
		"a track of no position": {func(_ *testing.T, r *run) {
			i := of(r.state, id)[3]
			e := r.state[i]
			offset := r.positions[of(r.positions, id)[3]].Offset
			e.Value = json.RawMessage(replaceOnce(string(e.Value), fmt.Sprintf(`"offset":%d`, offset), fmt.Sprintf(`"offset":%d`, offset+1)))
			r.state = slices.Insert(r.state, i+1, e)
		}, "is no position of it"},
		"what is no track": {func(_ *testing.T, r *run) {
			r.state = append(r.state, event("state", 0, len(r.state), "bus", track{}))
		}, "is no track"},
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
		require.NoError(t, err)
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
