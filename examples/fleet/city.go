package main

import (
	"math"
	"math/rand/v2"
	"slices"
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
	// ways are the roads of each crossing.
	ways [][]way
	// near are the roads that a place in a square may be on.
	near map[square][]road
}

// A way is a road as it is seen from a crossing.
type way struct{ to, road int }

// newCity builds the city: a grid of streets in which every fifth is an avenue
// and some are missing, two diagonals, two ring roads, and a bay.
func newCity() *city {
	c := &city{
		Width: width, Height: height, Zones: zones(), near: map[square][]road{},
		Water: []place{ // The sea goes on beyond the world.
			{4700, 30000}, {4950, 7000}, {5150, height}, {5350, 5850}, {5700, 5500}, {6350, 5150}, {6900, 4550}, {7250, 4000}, {width, 3650}, {9000, 3450}, {30000, 3000}, {30000, 30000},
		},
	}
	grid := c.addGrid()
	for i := range rows - 1 {
		c.connect(grid[i][i+2], grid[i+1][i+3], "avenue")
		c.connect(grid[i][columns-3-i], grid[i+1][columns-4-i], "avenue")
	}
	c.addRing(1150, 24)
	c.addRing(2450, 48)
	return c
}

// addGrid returns the crossings by row and column, -1 where water is.
func (c *city) addGrid() [][]int {
	r := rand.New(rand.NewPCG(mapSeed, 0)) //nolint:gosec // G404: a city is no secret, and has to be the same each time.
	// Avenues are straighter than streets, and have no gaps.
	bend := map[bool]float64{false: 110, true: 18}
	street := func(from, to int, avenue bool) {
		if gap := r.Float64() < .13; avenue {
			c.connect(from, to, "avenue")
		} else if !gap {
			c.connect(from, to, "street")
		}
	}
	var grid [][]int
	above := slices.Repeat([]int{-1}, columns)
	for i := range rows {
		var row []int
		before := -1
		for j := range columns {
			x := (float64(j)+.5)*block + (r.Float64()-.5)*bend[j%5 == 2]
			y := (float64(i)+.5)*block + (r.Float64()-.5)*bend[i%5 == 2]
			here := c.addCrossing(place{x, y})
			street(above[j], here, j%5 == 2)
			street(before, here, i%5 == 2)
			before, row = here, append(row, here)
		}
		grid, above = append(grid, row), row
	}
	return grid
}

// addRing adds a ring road around the middle; every other of its crossings has
// a street to the nearest one of the grid.
func (c *city) addRing(radius float64, n int) {
	first := len(c.crossings)
	for k := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(n))
		here := c.addCrossing(place{width/2 + radius*cos, height/2 + radius*sin})
		near := func(a, b place) int {
			if distance(a, c.crossings[here]) < distance(b, c.crossings[here]) {
				return -1
			}
			return 1
		}
		if k%2 == 0 {
			grid := c.crossings[:first]
			c.connect(here, slices.Index(grid, slices.MinFunc(grid, near)), "street")
		}
		if k > 0 {
			c.connect(here-1, here, "ring")
		}
	}
	c.connect(first+n-1, first, "ring")
}

// addCrossing returns the number of a new crossing, or -1 where there is water.
func (c *city) addCrossing(p place) int {
	if contains(c.Water, p) {
		return -1
	}
	c.crossings = append(c.crossings, place{math.Round(p[0]), math.Round(p[1])})
	c.ways = append(c.ways, nil)
	return len(c.crossings) - 1
}

func (c *city) connect(from, to int, class string) {
	if from < 0 || to < 0 {
		return
	}
	c.ways[from] = append(c.ways[from], way{to, len(c.Roads)})
	c.ways[to] = append(c.ways[to], way{from, len(c.Roads)})
	r := road{class, [2]place{c.crossings[from], c.crossings[to]}}
	c.Roads = append(c.Roads, r)
	for _, s := range r.squares() {
		c.near[s] = append(c.near[s], r)
	}
}

// limitAt is the speed in km/h that is allowed at a place: the lower one of the
// nearest road's and the zones'. Of two roads that cross here it is either's.
func (c *city) limitAt(p place) float64 {
	limit, closest := elsewhere, reach
	for _, r := range c.near[squareOf(p)] {
		if d := r.distance(p); d < closest {
			limit, closest = limits[r.Class], d
		}
	}
	return c.zoneLimit(p, limit)
}

func (c *city) zoneLimit(p place, limit float64) float64 {
	for _, z := range c.Zones {
		if z.Limit > 0 && z.Limit < limit && contains(z.Outline, p) {
			limit = z.Limit
		}
	}
	return limit
}
