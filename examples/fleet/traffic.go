package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A message is what a vehicle sends, as it is written.
type message struct{ vehicle, text string }

// traffic is the vehicles. They take turns: each has its place in the time
// between two points of a vehicle, so that the load is even.
type traffic struct {
	settings
	city   *city
	random *rand.Rand
	fleet  []*vehicle
	begin  time.Time
	turns  int // between two points of a vehicle
	turn   int
	later  []message // that come with the next turn
}

func newTraffic(c *city, s settings, begin time.Time) *traffic {
	t := &traffic{
		settings: s, city: c, begin: begin,
		random: rand.New(rand.NewPCG(s.seed, mapSeed)), //nolint:gosec // G404: traffic is no secret.
		turns:  max(int(s.every/(100*time.Millisecond)), 2),
	}
	for n := range s.vehicles {
		t.fleet = append(t.fleet, newVehicle(c, t.random, fmt.Sprintf("v%04d", n)))
	}
	return t
}

// next returns what is sent in a turn: three in a hundred points come after the
// one that follows them, two in a hundred twice, and now and then nonsense. No
// vehicle sends two messages in a turn, so that service A has taken one before
// it is given the next: their order is that in which they are sent.
func (t *traffic) next(now time.Time) []message {
	sent := t.later
	t.later = nil
	at := t.begin.Add(now.Sub(t.begin) * time.Duration(t.clock)).UnixMilli()
	passed := t.every.Seconds() * float64(t.clock)
	for n := t.turn % t.turns; n < len(t.fleet); n += t.turns {
		v := t.fleet[n]
		v.drive(t.city, t.random, passed)
		p := v.point(t.city, t.random, at)
		switch chance := t.random.IntN(1000); {
		case v.held != "":
			t.later = append(t.later, message{v.id, v.held})
			v.held = ""
		case chance < 30:
			v.held = p.text()
			continue
		case chance < 50:
			t.later = append(t.later, message{v.id, p.text()})
		case chance == 50:
			t.later = append(t.later, message{v.id, malformed(t.turn, p)})
		}
		sent = append(sent, message{v.id, p.text()})
	}
	t.turn++
	return sent
}

// malformed is what is no point of a vehicle: each way of being wrong in its
// turn. All that it says about the vehicle has to be ignored.
func malformed(n int, p point) string {
	ways := []string{
		fmt.Sprintf(`{"id":%q,"t":%d,"x":`, p.ID, p.T),
		fmt.Sprintf(`{"id":%q,"t":%d,"x":NaN,"y":1,"speed":0,"heading":0}`, p.ID, p.T+1),
		fmt.Sprintf(`{"id":%q,"t":%d,"x":-1,"y":%g,"speed":0,"heading":0}`, p.ID, p.T+1, p.Y),
		fmt.Sprintf(`{"id":%q,"t":%d,"x":1,"y":1,"speed":0,"heading":0}`, p.ID, p.T+24*time.Hour.Milliseconds()),
		fmt.Sprintf(`{"id":%q,"t":%d,"x":1,"y":1}`, p.ID, p.T+1),
		fmt.Sprintf(`{"id":"v99999","t":%d,"x":1,"y":1,"speed":0,"heading":0}`, p.T+1),
	}
	return ways[n%len(ways)]
}
