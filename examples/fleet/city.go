package main

import (
	"math"
	"math/rand/v2"
)

// The world: what is outside of it is not a position.
const (
	width  = 8000.0
	height = 6000.0
)

const (
	columns, rows = 20, 15
	// block is how far two crossings of the grid are from each other, about.
	block = 400.0
	// mapSeed makes the same city in every process: the handler, the checker
	// and the page have to mean the same roads.
	mapSeed = 1848
)

// A city is a road network with its fences. It does not change.
type city struct {
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Water  []place `json:"water"`
	Roads  []road  `json:"roads"`
	Zones  []zone  `json:"zones"`

	crossings []place
	// next are the crossings that roads lead to from a crossing.
	next map[int][]int
}

// newCity builds the city: a grid of streets in which every fifth is an avenue
// and some are missing, two diagonals, two ring roads, and a bay.
func newCity() *city {
	c := &city{
		Width: width, Height: height, Zones: zones(), next: map[int][]int{},
		Water: []place{ // The sea goes on beyond the world.
			{4700, 30000}, {4950, 7000}, {5150, height}, {5350, 5850}, {5700, 5500}, {6350, 5150}, {6900, 4550}, {7250, 4000}, {width, 3650}, {9000, 3450}, {30000, 3000}, {30000, 30000},
		},
	}
	c.addGrid()
	for i := range rows - 1 {
		here, below := i*columns, (i+1)*columns
		c.connect(here+i+2, below+i+3, "avenue")
		c.connect(here+columns-3-i, below+columns-4-i, "avenue")
	}
	c.addRing(1150, 24)
	c.addRing(2450, 48)
	return c
}

// addGrid adds the crossings of the grid, row by row. Those in the water stay
// without a road.
func (c *city) addGrid() {
	r := rand.New(rand.NewPCG(mapSeed, 0)) //nolint:gosec // G404: a city is no secret, and has to be the same each time.
	// Avenues are straighter than streets, and have no gaps.
	bend := map[bool]float64{false: 110, true: 18}
	street := func(exists bool, from, to int, avenue bool) {
		switch gap := r.Float64() < .13; {
		case !exists:
		case avenue:
			c.connect(from, to, "avenue")
		case !gap:
			c.connect(from, to, "street")
		}
	}
	for here := range rows * columns {
		i, j := here/columns, here%columns
		c.addCrossing(place{
			(float64(j)+.5)*block + (r.Float64()-.5)*bend[j%5 == 2],
			(float64(i)+.5)*block + (r.Float64()-.5)*bend[i%5 == 2],
		})
		street(i > 0, here-columns, here, j%5 == 2)
		street(j > 0, here-1, here, i%5 == 2)
	}
}

// addRing adds a ring road around the middle; every other of its crossings has
// a street to the nearest one of the grid.
func (c *city) addRing(radius float64, n int) {
	first := len(c.crossings)
	for k := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(n))
		here := c.addCrossing(place{width/2 + radius*cos, height/2 + radius*sin})
		if k%2 == 0 {
			c.connect(here, c.nearest(c.crossings[here], first), "street")
		}
		if k > 0 {
			c.connect(here-1, here, "ring")
		}
	}
	c.connect(first+n-1, first, "ring")
}

// nearest is the one of the first n crossings that is nearest to a place.
func (c *city) nearest(p place, n int) int {
	best := 0
	for i, other := range c.crossings[:n] {
		if distance(p, other) < distance(p, c.crossings[best]) {
			best = i
		}
	}
	return best
}

// addCrossing returns the number of a new crossing.
func (c *city) addCrossing(p place) int {
	c.crossings = append(c.crossings, place{math.Round(p[0]), math.Round(p[1])})
	return len(c.crossings) - 1
}

// connect builds a road, unless it would begin or end in the water.
func (c *city) connect(from, to int, class string) {
	a, b := c.crossings[from], c.crossings[to]
	if contains(c.Water, a) || contains(c.Water, b) {
		return
	}
	c.next[from] = append(c.next[from], to)
	c.next[to] = append(c.next[to], from)
	c.Roads = append(c.Roads, road{class, [2]place{a, b}})
}

// limitAt is the speed in km/h that is allowed at a place: the lower one of the
// nearest road's and the zones'. Of two roads that cross here it is either's.
func (c *city) limitAt(p place) float64 {
	limit, closest := elsewhere, reach
	for _, r := range c.Roads {
		if d := r.distance(p); d < closest {
			limit, closest = limits[r.Class], d
		}
	}
	for _, z := range c.Zones {
		if z.Limit > 0 && z.Limit < limit && contains(z.Outline, p) {
			limit = z.Limit
		}
	}
	return limit
}
