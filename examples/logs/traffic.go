package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"sluice/examples/internal/example"
)

const (
	tick  = 200 * time.Millisecond // Of the lines' own time, for which lines are made together.
	quiet = 5 * time.Second        // Before the first error storm.
)

// origin is a service whose lines are made up.
type origin struct {
	name   string
	syslog bool
	rate   float64 // Lines a second.
	slow   float64 // Its usual latency, in milliseconds.
	source string
	seq    int64
}

// traffic makes up what thirty services log, the same for each seed but for the
// times: some errors, now and then a storm of them in one or two services, lines
// that are disordered, late, unreadable, or sent twice.
type traffic struct {
	rng     *rand.Rand
	origins []*origin
	now     time.Time // Of the lines.
	storm   struct {
		begin, end time.Time
		in         map[*origin]bool
	}
}

// newTraffic makes lines from a time on, so many a second in all. run tells the
// sources of one run of the program from those of another.
func newTraffic(seed uint64, rate float64, from time.Time, run string) *traffic {
	t := &traffic{rng: rand.New(rand.NewPCG(seed, seed)), now: from} //nolint:gosec // Nothing secret depends on it.
	weights := 0.0
	for i := range services {
		weights += 1 / float64(i+3)
	}
	for i, name := range services {
		t.origins = append(t.origins, &origin{
			name: name, syslog: i%3 == 2, rate: rate / float64(i+3) / weights,
			slow: 3 + 60*t.rng.Float64(), source: name + "@" + run,
		})
	}
	t.nextStorm(from.Add(quiet))
	return t
}

func (t *traffic) nextStorm(begin time.Time) {
	t.storm.begin, t.storm.end = begin, begin.Add(time.Duration(10+t.rng.IntN(10))*time.Second)
	t.storm.in = map[*origin]bool{}
	for range 1 + t.rng.IntN(2) {
		part := t.rng.Float64()
		t.storm.in[t.origins[int(part*part*float64(len(t.origins)))]] = true // The ones that say most are hit most.
	}
}

// next makes the lines of the next tick.
func (t *traffic) next() (all []shipment) {
	if t.now.After(t.storm.end) {
		t.nextStorm(t.now.Add(time.Duration(20+t.rng.IntN(20)) * time.Second))
	}
	for _, o := range t.origins {
		stormy := t.storm.in[o] && t.now.After(t.storm.begin)
		n := o.rate * tick.Seconds()
		if stormy {
			n *= 2
		}
		for range int(n + t.rng.Float64()) {
			one := t.line(o, stormy)
			all = append(all, one)
			if t.rng.IntN(200) == 0 {
				all = append(all, one) // It was sent twice.
			}
		}
	}
	t.now = t.now.Add(tick)
	return all
}

// line makes one line of a service.
func (t *traffic) line(o *origin, stormy bool) shipment {
	o.seq++
	l := line{
		Source: o.source, Seq: o.seq, Level: levelInfo,
		Time:   t.now.Add(time.Duration(t.rng.Int64N(int64(tick)))).Truncate(time.Millisecond).UTC(),
		Millis: math.Ceil(10*o.slow*math.Exp(t.rng.NormFloat64()/2)) / 10,
	}
	switch dice := t.rng.Float64(); {
	case stormy && dice < .6:
		l.Level, l.Millis = levelError, 10*l.Millis
	case dice < .008:
		l.Level = levelError
	case dice < .06:
		l.Level = levelWarn
	case dice < .2:
		l.Level = levelDebug
	}
	switch dice := t.rng.Float64(); {
	case dice < .1: // Threads overtake each other.
		l.Time = l.Time.Add(-time.Duration(t.rng.IntN(1200)) * time.Millisecond)
	case dice < .102: // It was held up somewhere.
		l.Time = l.Time.Add(-time.Duration(5+t.rng.IntN(25)) * time.Second)
	}
	all, part := sayings[l.Level], t.rng.Float64()
	l.Text = os.Expand(all[int(float64(len(all))*part*part)], t.fill) // The first ones are said most.
	stamp := l.Time.Format(time.RFC3339Nano)
	switch {
	case t.rng.IntN(300) == 0: // A part of a stack, which says nothing of itself.
		l.Text, l.Time, l.Level, l.Millis = "\tat com.example.Pool.take(Pool.java:17)", time.Time{}, levelInfo, -1
		return newShipment(o.name, l, example.Text(l.Text))
	case o.syslog: // Facility 16 is local0.
		priority := 16*8 + [levels]int{7, 6, 4, 3}[l.Level]
		return newShipment(o.name, l, example.Text(fmt.Sprintf("<%d>1 %s host-1 %s 417 - - %s in %.1f ms", priority, stamp, o.name, l.Text, l.Millis)))
	}
	return newShipment(o.name, l, map[string]any{"ts": stamp, "level": l.Level.String(), "service": o.name, "msg": l.Text, "ms": l.Millis})
}

// fill is what a saying's variables stand for.
func (t *traffic) fill(name string) string {
	switch name {
	case "n":
		return strconv.Itoa(t.rng.IntN(10_000))
	case "a":
		return fmt.Sprintf("10.%d.%d.%d:%d", t.rng.IntN(4), t.rng.IntN(256), t.rng.IntN(256), 1024+t.rng.IntN(60_000))
	case "x":
		return fmt.Sprintf("%012x", t.rng.Uint64N(1<<48))
	case "q":
		return `"` + [...]string{"basic", "plus", "gift card", "trial"}[t.rng.IntN(4)] + `"`
	}
	return "user" + strconv.Itoa(t.rng.IntN(500))
}

// run sends lines: those of the past at once and all of them, the others when
// their time has come, until the input ends.
func (t *traffic) run(ctx context.Context, s *shipper) error {
	for past := time.Now(); t.now.Before(past) || s.client.Input.Err() == nil; {
		select {
		case <-time.After(time.Until(t.now.Add(tick))):
		case <-s.client.Input.Done():
			if !t.now.Before(past) {
				return nil
			}
		}
		all := t.next()
		for len(all) < linesAtATime && time.Until(t.now.Add(tick)) <= 0 {
			all = append(all, t.next()...)
		}
		if err := s.send(ctx, all); err != nil {
			return err
		}
	}
	return nil
}
