package main

import (
	"math"
	"math/rand/v2"
)

// A vehicle drives through the city at random.
type vehicle struct {
	id string
	// from and to are the crossings that its road connects, along how many
	// metres of it are behind it.
	from, to int
	along    float64
	// speed is in m/s, pace how it takes the limit: above 1 it is too fast.
	speed, pace float64
	// wait is how long it stands, in s.
	wait float64
	// held is a point that will be sent after the next one, if any.
	held string
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
	for v.to = r.IntN(len(c.crossings)); len(c.next[v.to]) == 0; {
		v.to = r.IntN(len(c.crossings))
	}
	v.turn(c, r)
	v.along = r.Float64() * distance(c.crossings[v.from], c.crossings[v.to])
	return v
}

// drive moves the vehicle on by some seconds.
func (v *vehicle) drive(c *city, r *rand.Rand, seconds float64) {
	if v.wait > 0 {
		v.wait -= seconds
		v.speed = 0
		return
	}
	target := c.limitAt(v.at(c)) * v.pace / 3.6
	v.speed += max(-3*acceleration*seconds, min(acceleration*seconds, target-v.speed))
	v.along += v.speed * seconds
	if v.along < distance(c.crossings[v.from], c.crossings[v.to]) {
		return
	}
	v.turn(c, r)
	switch n := r.IntN(100); {
	case n < 22: // A red light.
		v.wait = 3 + 12*r.Float64()
	case n < 24: // A delivery.
		v.wait = 45 + 60*r.Float64()
	}
}

// turn takes another road at a crossing, and the same one back only where there
// is no other.
func (v *vehicle) turn(c *city, r *rand.Rand) {
	ways := c.next[v.to]
	next := ways[r.IntN(len(ways))]
	for len(ways) > 1 && next == v.from {
		next = ways[r.IntN(len(ways))]
	}
	v.from, v.to, v.along = v.to, next, 0
}

func (v *vehicle) at(c *city) place {
	a, b := c.crossings[v.from], c.crossings[v.to]
	part := v.along / distance(a, b)
	return place{a[0] + part*(b[0]-a[0]), a[1] + part*(b[1]-a[1])}
}

// point is what the vehicle says at a time: near where it is, and about how fast.
func (v *vehicle) point(c *city, r *rand.Rand, t int64) point {
	a, b, at := c.crossings[v.from], c.crossings[v.to], v.at(c)
	heading := math.Atan2(b[0]-a[0], a[1]-b[1]) * 180 / math.Pi
	return point{
		ID: v.id, T: t,
		X: tenths(at[0] + r.NormFloat64()*gpsNoise), Y: tenths(at[1] + r.NormFloat64()*gpsNoise),
		Speed: tenths(v.speed * 3.6 * (1 + r.NormFloat64()*.01)), Heading: math.Mod(math.Round(heading)+360, 360),
	}
}

func tenths(x float64) float64 { return math.Round(x*10) / 10 }
