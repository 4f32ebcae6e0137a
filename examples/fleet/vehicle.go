package main

import (
	"math"
	"math/rand/v2"
)

// A vehicle drives through the city at random.
type vehicle struct {
	id string
	// from and way are the road that it is on, along how far in metres.
	from  int
	way   way
	along float64
	// speed is in m/s, pace how it takes the limit: above 1 it is too fast.
	speed, pace float64
	// wait is how long it stands, in s.
	wait float64
	// held is a point that will be sent after the next one.
	held *point
}

const (
	acceleration = 2.0 // in m/s²
	gpsNoise     = 3.0 // in m, the standard deviation
)

// newVehicle puts a vehicle on a road; one in sixteen is a fast one.
func newVehicle(c *city, r *rand.Rand, id string) *vehicle {
	v := &vehicle{id: id, pace: .8 + .17*r.Float64()}
	if r.IntN(16) == 0 {
		v.pace = 1.1 + .3*r.Float64()
	}
	for len(c.ways[v.from]) == 0 || v.way == (way{}) {
		v.from = r.IntN(len(c.crossings))
		if ways := c.ways[v.from]; len(ways) > 0 {
			v.way = ways[r.IntN(len(ways))]
		}
	}
	v.along = r.Float64() * distance(c.crossings[v.from], c.crossings[v.way.to])
	return v
}

// drive moves the vehicle on by some seconds.
func (v *vehicle) drive(c *city, r *rand.Rand, seconds float64) {
	if v.wait > 0 {
		v.wait -= seconds
		v.speed = 0
		return
	}
	target := c.zoneLimit(v.at(c), limits[c.Roads[v.way.road].Class]) * v.pace / 3.6
	v.speed += max(-3*acceleration*seconds, min(acceleration*seconds, target-v.speed))
	v.along += v.speed * seconds
	length := distance(c.crossings[v.from], c.crossings[v.way.to])
	if v.along < length {
		return
	}
	v.along -= length
	v.turn(c, r)
	switch n := r.IntN(100); {
	case n < 22: // A red light.
		v.wait, v.along = 3+12*r.Float64(), 0
	case n < 24: // A delivery.
		v.wait, v.along = 45+60*r.Float64(), 0
	}
}

// turn takes another road at a crossing, and the same one back only where there
// is no other.
func (v *vehicle) turn(c *city, r *rand.Rand) {
	here, came := v.way.to, v.way.road
	ways := c.ways[here]
	next := ways[r.IntN(len(ways))]
	for len(ways) > 1 && next.road == came {
		next = ways[r.IntN(len(ways))]
	}
	v.from, v.way = here, next
	v.along = min(v.along, distance(c.crossings[here], c.crossings[next.to]))
}

func (v *vehicle) at(c *city) place {
	a, b := c.crossings[v.from], c.crossings[v.way.to]
	part := v.along / distance(a, b)
	return place{a[0] + part*(b[0]-a[0]), a[1] + part*(b[1]-a[1])}
}

// point is what the vehicle says at a time: near where it is, and how fast it is
// to some tenths.
func (v *vehicle) point(c *city, r *rand.Rand, t int64) point {
	a, b, at := c.crossings[v.from], c.crossings[v.way.to], v.at(c)
	heading := math.Mod(math.Atan2(b[0]-a[0], a[1]-b[1])*180/math.Pi+360, 360)
	speed := 0.0
	if v.speed > 0 {
		speed = max(0, v.speed*3.6+r.NormFloat64()*.5)
	}
	return point{
		ID: v.id, T: t,
		X: tenths(min(max(at[0]+r.NormFloat64()*gpsNoise, 0), width)), Y: tenths(min(max(at[1]+r.NormFloat64()*gpsNoise, 0), height)),
		Speed: tenths(speed), Heading: math.Mod(math.Round(heading), 360),
	}
}

func tenths(x float64) float64 { return math.Round(x*10) / 10 }
