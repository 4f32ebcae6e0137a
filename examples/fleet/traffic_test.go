package main

import (
	"encoding/json"
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
	s := settings{vehicles: 30, every: 2 * time.Second, seed: 3}
	a, b, other := newTraffic(c, s, written), newTraffic(c, s, written), newTraffic(c, settings{vehicles: 30, every: 2 * time.Second, seed: 4}, written)
	differs := false
	for range 500 {
		points := a.next()
		require.Equal(t, points, b.next())
		differs = differs || len(points) > 0 && points[0] != other.next()[0]
	}
	require.True(t, differs, "another seed is other traffic")
}

// TestTraffic counts what a device may do wrong, and that it does nothing else.
func TestTraffic(t *testing.T) {
	c := newCity()
	vehicles := newTraffic(c, settings{vehicles: 100, every: 2 * time.Second, seed: 1}, written)
	last := map[string]point{}
	points, twice, late, onRoad := 0, 0, 0, 0
	for range 20 * 200 {
		for _, p := range vehicles.next() {
			value, err := json.Marshal(p)
			require.NoError(t, err)
			_, err = parsePoint(p.ID, value, time.UnixMilli(p.T))
			require.NoError(t, err, "%s", value)
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
			for _, r := range c.near[squareOf(p.at())] {
				if r.distance(p.at()) < reach {
					onRoad++
					break
				}
			}
			points++
		}
	}
	require.Equal(t, points, onRoad, "all are on a road")
	require.InDelta(t, .02, float64(twice)/float64(points), .004)
	require.InDelta(t, .03, float64(late)/float64(points), .004)
	require.InDelta(t, 20_000, points, 700)
	require.Len(t, last, 100)
}

func TestTrafficThatIsLate(t *testing.T) {
	begin := written
	for name, c := range map[string]struct {
		late time.Duration
		due  time.Time
	}{
		"in time":              {0, begin.Add(time.Second)},
		"late, and catches up": {4 * time.Second, begin.Add(time.Second)},
		"too late":             {time.Hour, begin.Add(time.Hour + time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			v := newTraffic(newCity(), settings{vehicles: 20, every: 2 * time.Second, step: 4 * time.Second}, begin)
			for range v.slots / 2 {
				v.next()
			}
			require.Equal(t, c.due, v.due(begin.Add(time.Second+c.late)))
			points := v.next()
			require.NotEmpty(t, points)
			require.Equal(t, c.due.Add(time.Second), time.UnixMilli(points[0].T), "its clock runs twice as fast")
		})
	}
}

// TestTheNearestRoad compares the squares with a look at all roads.
func TestTheNearestRoad(t *testing.T) {
	c := newCity()
	c.Zones = nil
	for n := range 5000 {
		p := place{float64(n*7919%8000) + .5, float64(n*104729%6000) + .5}
		want, closest := elsewhere, reach
		for _, r := range c.Roads {
			if d := r.distance(p); d < closest {
				want, closest = limits[r.Class], d
			}
		}
		require.InDelta(t, want, c.limitAt(p), 0, p)
	}
}
