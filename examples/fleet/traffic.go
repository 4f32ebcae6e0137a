package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"time"
)

// settings are the example's own flags.
type settings struct {
	vehicles  int
	every     time.Duration
	step      time.Duration
	malformed int
	seed      uint64
}

func (s *settings) flags(f *flag.FlagSet) {
	f.IntVar(&s.vehicles, "vehicles", 2000, "how many vehicles there are")
	f.DurationVar(&s.every, "every", 2*time.Second, "how often a vehicle says where it is")
	f.DurationVar(&s.step, "step", 0, "how much time has passed for it by then; as --every says when 0")
	f.IntVar(&s.malformed, "malformed", 5000, "one in so many points is malformed; 0 for none")
	f.Uint64Var(&s.seed, "seed", 1, "other traffic in the same city")
}

func (s *settings) validate() error {
	switch {
	case s.vehicles < 1 || s.vehicles > 100_000:
		return fmt.Errorf("--vehicles is %d: choose 1 to 100000", s.vehicles)
	case s.every < 10*time.Millisecond || s.every > time.Minute:
		return fmt.Errorf("--every is %s: choose 10ms to 1m", s.every)
	case s.step < 0 || s.step > time.Minute:
		return fmt.Errorf("--step is %s: choose up to 1m", s.step)
	case s.malformed < 0:
		return fmt.Errorf("--malformed is %d: choose 0 for none, or one in how many points", s.malformed)
	}
	return nil
}

// traffic is the vehicles. They take turns: each has its place in the time
// between two points of a vehicle, so that the load is even.
type traffic struct {
	city     *city
	random   *rand.Rand
	vehicles []*vehicle
	every    time.Duration
	step     time.Duration
	slots    int
	turn     int
	begin    time.Time
}

func newTraffic(c *city, s settings, begin time.Time) *traffic {
	t := &traffic{
		city: c, random: rand.New(rand.NewPCG(s.seed, mapSeed)), //nolint:gosec // G404: traffic is no secret.
		every: s.every, step: s.step, begin: begin,
		slots: min(max(int(s.every/(100*time.Millisecond)), 1), 50),
	}
	if t.step == 0 {
		t.step = t.every
	}
	for n := range s.vehicles {
		t.vehicles = append(t.vehicles, newVehicle(c, t.random, fmt.Sprintf("v%04d", n)))
	}
	return t
}

// due is when the next points are to be sent. Traffic that is late catches up,
// but for what is more than some seconds: that time has not been, so that
// an hour's standstill is not followed by an hour's points at once.
func (t *traffic) due(now time.Time) time.Time {
	next := t.begin.Add(t.every * time.Duration(t.turn) / time.Duration(t.slots))
	if late := now.Sub(next); late > 5*time.Second {
		t.begin = t.begin.Add(late)
		next = now
	}
	return next
}

// next returns the points of the next turn, as they are sent: two in a hundred
// twice, and three in a hundred after the one that follows it.
func (t *traffic) next() []point {
	slot := t.turn % t.slots
	at := t.begin.Add(t.step * time.Duration(t.turn) / time.Duration(t.slots)).UnixMilli()
	t.turn++
	var points []point
	for n := slot; n < len(t.vehicles); n += t.slots {
		v := t.vehicles[n]
		v.drive(t.city, t.random, t.step.Seconds())
		p := v.point(t.city, t.random, at)
		chance := t.random.IntN(100)
		if v.held == nil && chance < 3 {
			v.held = &p
			continue
		}
		points = append(points, p)
		if v.held != nil {
			points, v.held = append(points, *v.held), nil
		} else if chance < 5 {
			points = append(points, p)
		}
	}
	return points
}

// malformed is a record that is no point of a vehicle, as bytes: each way of
// being wrong in its turn. All that it says about the vehicle has to be ignored.
func malformed(n int, p point) []byte {
	switch n % 6 {
	case 0:
		return fmt.Appendf(nil, `{"id":%q,"t":%d,"x":`, p.ID, p.T)
	case 1:
		return fmt.Appendf(nil, `{"id":%q,"t":%d,"x":NaN,"y":1,"speed":0,"heading":0}`, p.ID, p.T+1)
	case 2:
		return fmt.Appendf(nil, `{"id":%q,"t":%d,"x":-1,"y":%g,"speed":0,"heading":0}`, p.ID, p.T+1, p.Y)
	case 3:
		return fmt.Appendf(nil, `{"id":%q,"t":%d,"x":1,"y":1,"speed":0,"heading":0}`, p.ID, p.T+int64(24*time.Hour/time.Millisecond))
	case 4:
		return fmt.Appendf(nil, `{"id":%q,"t":%d,"x":1,"y":1}`, p.ID, p.T+1)
	}
	return fmt.Appendf(nil, `{"id":"v99999","t":%d,"x":1,"y":1,"speed":0,"heading":0}`, p.T+1)
}
