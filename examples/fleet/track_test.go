package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// village is a street from west to east, with two zones at its end, of which one
// lies in the other.
func village() *city {
	c := &city{next: map[int][]int{}, Zones: []zone{
		{Name: "Yard", Outline: []place{{1000, 0}, {2000, 0}, {2000, 200}, {1000, 200}}},
		{Name: "Gate", Limit: 20, Outline: []place{{1000, 0}, {1200, 0}, {1200, 200}, {1000, 200}}},
	}}
	c.connect(c.addCrossing(place{0, 100}), c.addCrossing(place{3000, 100}), "avenue")
	return c
}

func TestTracks(t *testing.T) {
	at := func(second int64, x, speed float64) point {
		return point{ID: "v0001", T: second * 1000, X: x, Y: 100, Speed: speed, Heading: 90}
	}
	for name, c := range map[string]struct {
		points []point
		told   []string
		stale  int64
		twice  int64
	}{
		"one that drives through": {
			points: []point{at(0, 900, 20), at(10, 1100, 20), at(20, 1500, 20), at(30, 1990, 20), at(40, 2100, 20)},
			told:   []string{"10 1 enter Yard", "10 2 enter Gate", "20 3 leave Gate", "40 4 leave Yard"},
		},
		"one that is inside at first": {points: []point{at(0, 1500, 0)}, told: []string{"0 1 enter Yard"}},
		"one that trembles at the fence": {
			points: []point{at(0, 995, 0), at(2, 1005, 0), at(4, 994, 0), at(6, 1008, 0), at(8, 992, 0), at(10, 1016, 5)},
			told:   []string{"10 1 enter Yard", "10 2 enter Gate"},
		},
		"one that creeps over the fence": {
			points: []point{at(0, 990, 2), at(2, 999, 2), at(4, 1005, 2), at(6, 1011, 2)},
			told:   []string{"6 1 enter Yard", "6 2 enter Gate"},
		},
		"late, and twice": {
			points: []point{at(0, 900, 20), at(4, 950, 20), at(2, 1500, 90), at(4, 1500, 90), at(0, 900, 20), at(6, 960, 20)},
			stale:  2, twice: 1,
		},
		"too fast, but for two points only": {points: []point{at(0, 0, 80), at(2, 50, 80), at(4, 100, 70), at(6, 150, 80), at(8, 200, 80)}},
		"too fast, and slow again": {
			points: []point{at(0, 0, 71), at(2, 50, 90), at(4, 100, 80), at(6, 150, 80), at(8, 200, 68), at(10, 250, 71), at(12, 300, 66.4), at(14, 350, 71)},
			told:   []string{"4 1 speeding 70", "12 2 slowed 70"},
		},
		"too fast for the zone": {
			points: []point{at(0, 1010, 30), at(2, 1030, 30), at(4, 1050, 30), at(6, 1300, 30)},
			told:   []string{"0 1 enter Yard", "0 2 enter Gate", "4 3 speeding 20", "6 4 leave Gate", "6 5 slowed 70"},
		},
		"far from any road": {
			points: []point{{ID: "v0001", T: 0, X: 500, Y: 131, Speed: 51}, {ID: "v0001", T: 1, X: 540, Y: 131, Speed: 51}, {ID: "v0001", T: 2, X: 580, Y: 131, Speed: 51}},
			told:   []string{"0 1 speeding 50"},
		},
		"idle, told once, until it moves": {
			points: []point{at(0, 100, 0), at(29, 105, 0), at(30, 110, 0), at(60, 95, 0), at(70, 121, 5), at(99, 121, 0), at(100, 121, 0)},
			told:   []string{"30 1 idle", "70 2 moving", "100 3 idle"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var v track
			var told []string
			village := village()
			for n, p := range c.points {
				before := v
				from := source{3, int64(n)}
				next, alerts := v.take(village, p, from)
				require.Equal(t, before, v, "what was stays as it was")
				require.Equal(t, from, next.source)
				v = next
				for _, a := range alerts {
					text := fmt.Sprintf("%d %d %s", a.T/1000, a.Seq, a.Kind)
					if a.Zone != "" {
						text += " " + a.Zone
					}
					if a.Limit != 0 {
						text += fmt.Sprintf(" %g", a.Limit)
					}
					told = append(told, text)
					require.Equal(t, alert{"v0001", a.Seq, a.Kind, a.Zone, a.Limit, p.T, p.X, p.Y, p.Speed, from}, a)
				}
			}
			require.Equal(t, c.told, told)
			require.Equal(t, c.stale, v.Stale)
			require.Equal(t, c.twice, v.Duplicates)
			require.Equal(t, int64(len(c.points))-c.stale-c.twice, v.Points)
			require.Equal(t, int64(len(told)), v.Alerts)
		})
	}
}
