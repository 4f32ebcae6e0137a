package main

import "math"

const (
	// reach is how far in metres from a road a position may be and still be on it.
	reach = 30.0
	// elsewhere is the limit in km/h where there is no road.
	elsewhere = 50.0
)

// limits are the speeds in km/h that the classes of roads allow.
var limits = map[string]float64{"street": 50, "avenue": 70, "ring": 90}

// A road leads from one crossing to the next, straight.
type road struct {
	Class string   `json:"class"`
	Line  [2]place `json:"line"`
}

// distance is how far a place is from the road, in metres.
func (r road) distance(p place) float64 {
	a, b := r.Line[0], r.Line[1]
	dx, dy := b[0]-a[0], b[1]-a[1]
	along := min(max(((p[0]-a[0])*dx+(p[1]-a[1])*dy)/(dx*dx+dy*dy), 0), 1)
	return distance(p, place{a[0] + along*dx, a[1] + along*dy})
}

// distance is how far two places are from each other, in metres.
func distance(a, b place) float64 { return math.Hypot(a[0]-b[0], a[1]-b[1]) }
