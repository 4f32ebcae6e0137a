package main

import (
	"context"
	"time"
)

// The groups: what is in one takes turns within a round.
const (
	groupSmall      = "deliveries, 100 B"
	groupSmallLate  = "latency, 100 B"
	groupLarge      = "deliveries, 1 KiB"
	groupLargeLate  = "latency, 1 KiB"
	groupIdle       = "idle"
	onlyDeliveries  = "deliveries"
	onlyIdle        = "idle"
	smallValue      = 100
	largeValue      = 1024
	smallBacklog    = 2500 // records, for each second of options.Window
	largeBacklog    = 1000
	warmPart        = 4 // one of so many of a run is its warm-up
	leastOfABacklog = 40
)

var onlyNames = []string{onlyDeliveries, onlyIdle}

// The contestants.
const (
	plainDesign = "plain design"
	sluiceB     = "sluice"
	sluiceHalf  = "sluice, at half of its own most"
)

// contestant is one kind of server with one thing to do.
type contestant struct {
	name  string
	plain bool
	// half is whose deliveries a second a run with latencies has half of.
	half string
}

// group are contestants that are compared with each other.
type group struct {
	name        string
	only        string // what it is called on the command line
	contestants []contestant
	run         func(ctx context.Context, g group, c contestant) (sample, error)
	size        int    // of the values
	backlog     int64  // records for each second of options.Window
	most        string // the group that says what most is
}

// contest lists what is measured.
func (b *bench) contest() []group {
	both := []contestant{{name: plainDesign, plain: true}, {name: sluiceB}}
	half := []contestant{
		{name: plainDesign, plain: true, half: plainDesign},
		{name: sluiceB, half: plainDesign},
		{name: sluiceHalf, half: sluiceB},
	}
	return []group{
		{name: groupSmall, only: onlyDeliveries, run: b.deliveries, contestants: both, size: smallValue, backlog: smallBacklog},
		{name: groupSmallLate, only: onlyDeliveries, run: b.latency, contestants: half, size: smallValue, most: groupSmall},
		{name: groupLarge, only: onlyDeliveries, run: b.deliveries, contestants: both, size: largeValue, backlog: largeBacklog},
		{name: groupLargeLate, only: onlyDeliveries, run: b.latency, contestants: half, size: largeValue, most: groupLarge},
		{name: groupIdle, only: onlyIdle, run: b.idle, contestants: both},
	}
}

// records is how many each client gets in a run of deliveries, after the
// warm-up.
func (o options) records(g group) int64 {
	return max(int64(float64(g.backlog)*o.Window.Seconds()), leastOfABacklog)
}

// measured is for how long latencies are measured, and warm for how long
// records flow before.
func (o options) measured() time.Duration { return 2 * o.Window }
func (o options) warm() time.Duration     { return o.Window / 2 }

// settle is how long the memory of a server is looked at before it has clients,
// and hold how long after the last of them has come: the first heartbeats are
// within it.
func (o options) settle() time.Duration { return o.Window / 2 }
func (o options) hold() time.Duration   { return 5 * o.Window }
