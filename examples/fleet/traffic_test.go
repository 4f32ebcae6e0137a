package main

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheCityIsTheSameEachTime(t *testing.T) {
	first, second := newCity(), newCity()
	require.Equal(t, first, second)
}

func TestTheCity(t *testing.T) {
	c := newCity()
	for _, r := range c.Roads {
		for _, p := range r.Line {
			require.False(t, contains(c.Water, p), "a road into the water: %v", r)
			require.True(t, p[0] > 100 && p[0] < width-100 && p[1] > 100 && p[1] < height-100, "at the edge of the world: %v", r)
		}
		require.Contains(t, limits, r.Class)
		require.Greater(t, distance(r.Line[0], r.Line[1]), 1.0, "a road from nowhere to nowhere: %v", r)
	}
	for _, z := range c.Zones {
		reached := 0
		for _, r := range c.Roads {
			if contains(z.Outline, r.Line[0]) || contains(z.Outline, r.Line[1]) {
				reached++
			}
		}
		require.Positive(t, reached, "no road leads to %s", z.Name)
	}
	require.Len(t, c.Zones, 8)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.Less(t, len(text), 200<<10, "it has to be one record")
}

func TestContains(t *testing.T) {
	corner := []place{{0, 0}, {10, 0}, {10, 4}, {4, 4}, {4, 10}, {0, 10}}
	for p, want := range map[place]bool{{2, 2}: true, {9, 3}: true, {3, 9}: true, {5, 5}: false, {-1, 2}: false, {11, 2}: false, {2, 11}: false, {2, -1}: false} {
		require.Equal(t, want, contains(corner, p), p)
	}
}

func TestTrafficIsTheSameEachTime(t *testing.T) {
	c := newCity()
	s := settings{vehicles: 30, every: 2 * time.Second, clock: 1, seed: 3}
	a, b := newTraffic(c, s, written), newTraffic(c, s, written)
	s.seed = 4
	other := newTraffic(c, s, written)
	differs := false
	for range 500 {
		sent := a.next(written)
		require.Equal(t, sent, b.next(written))
		differs = differs || len(sent) > 0 && sent[0] != other.next(written)[0]
	}
	require.True(t, differs, "another seed is other traffic")
}

// TestTraffic counts what a device may do wrong, and that it does nothing else.
func TestTraffic(t *testing.T) {
	c := newCity()
	vehicles := newTraffic(c, settings{vehicles: 100, every: 2 * time.Second, clock: 1, seed: 1}, written)
	last := map[string]point{}
	points, twice, late, wrong := 0, 0, 0, 0
	for turn := range 20 * 200 {
		now := written.Add(time.Duration(turn) * 100 * time.Millisecond)
		inTurn := map[string]bool{}
		for _, m := range vehicles.next(now) {
			require.False(t, inTurn[m.vehicle], "a vehicle has one message in a turn")
			inTurn[m.vehicle] = true
			p, err := parsePoint(m.vehicle, []byte(m.text), now)
			if err != nil {
				wrong++
				continue
			}
			before := last[p.ID]
			switch {
			case p == before:
				twice++
			case p.T < before.T:
				late++
				require.Equal(t, int64(2000), before.T-p.T, "it is one turn late")
			default:
				last[p.ID] = p
			}
			require.True(t, slices.ContainsFunc(c.Roads, func(r road) bool { return r.distance(p.at()) < reach }), "it is on a road")
			points++
		}
	}
	require.InDelta(t, .02, float64(twice)/float64(points), .004)
	require.InDelta(t, .03, float64(late)/float64(points), .004)
	require.InDelta(t, .001, float64(wrong)/float64(points), .0006)
	require.InDelta(t, 20_000, points, 700)
	require.Len(t, last, 100)
}

func TestTheVehiclesClock(t *testing.T) {
	vehicles := newTraffic(newCity(), settings{vehicles: 20, every: 2 * time.Second, clock: 3}, written)
	sent := vehicles.next(written.Add(time.Second))
	require.NotEmpty(t, sent)
	p, err := parsePoint(sent[0].vehicle, []byte(sent[0].text), written)
	require.NoError(t, err)
	require.Equal(t, written.Add(3*time.Second).UnixMilli(), p.T)
}
