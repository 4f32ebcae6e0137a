package main

import (
	"context"
	"time"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
	"sluice/consumer"
)

// The groups: what is in one takes turns within a round.
const (
	groupNothing = "nothing"
	groupWork    = "work"
	groupLatency = "latency"
	groupStall   = "stall"
)

var groupNames = []string{groupNothing, groupWork, groupLatency, groupStall}

// The contestants.
const (
	bare          = "bare franz-go loop"
	byPartition   = "sluice"
	byKey         = "sluice, order key"
	byNone        = "sluice, order none"
	firstKey      = "sluice, order key, one record of each partition stalls"
	firstNone     = "sluice, order none, one record of each partition stalls"
	concurrency   = 64
	workTime      = 5 * time.Millisecond
	latencyRate   = 1000 // records a second
	sampleMemory  = 100 * time.Millisecond
	nothingRecord = 1_000_000 // for each second of options.Window
	workRecord    = 1_000     // for each second of options.Window
)

// contestant is one kind of member with one thing to do.
type contestant struct {
	name string
	spec member.Spec // without the Kafka, the topic and the group
}

// group are contestants that are compared with each other.
type group struct {
	name        string
	contestants []contestant
	run         func(ctx context.Context, c contestant) (sample, error)
	// once says that it is not repeated in each round.
	once bool
}

// contest lists what is measured.
func (b *bench) contest() []group {
	sluice := func(name string, t member.Task, o consumer.Order) contestant {
		return contestant{name, member.Spec{Task: t, Order: o, Concurrency: concurrency}}
	}
	loop := func(t member.Task) contestant { return contestant{bare, member.Spec{Task: t, Bare: true}} }
	return []group{
		{name: groupNothing, run: b.nothing, contestants: []contestant{
			loop(member.Count),
			sluice(byPartition, member.Count, consumer.OrderPartition),
			sluice(byKey, member.Count, consumer.OrderKey),
			sluice(byNone, member.Count, consumer.OrderNone),
		}},
		{name: groupWork, run: b.work, contestants: []contestant{
			sluice(byPartition, member.Count, consumer.OrderPartition),
			sluice(byKey, member.Count, consumer.OrderKey),
			sluice(byNone, member.Count, consumer.OrderNone),
		}},
		{name: groupLatency, run: b.latency, contestants: []contestant{
			loop(member.Latency),
			sluice(byPartition, member.Latency, consumer.OrderPartition),
			sluice(byKey, member.Latency, consumer.OrderKey),
		}},
		{name: groupStall, run: b.stall, once: true, contestants: []contestant{
			loop(member.Stall),
			sluice(byPartition, member.Stall, consumer.OrderPartition),
			sluice(byKey, member.Stall, consumer.OrderKey),
			sluice(byNone, member.Stall, consumer.OrderNone),
			sluice(firstKey, member.StallFirst, consumer.OrderKey),
			sluice(firstNone, member.StallFirst, consumer.OrderNone),
		}},
	}
}

// nothingRecords is how many records a handler gets that does nothing: so many
// that it is measured well.
func (o options) nothingRecords() int64 {
	return max(int64(nothingRecord*o.Window.Seconds())/flightKeys, 1) * flightKeys
}

// workRecords is how many records a handler gets that waits in each.
func (o options) workRecords() int64 {
	return max(int64(workRecord*o.Window.Seconds())/workKeys, 1) * workKeys
}

// latencyRecords is how many records have a latency.
func (o options) latencyRecords() int64 { return max(int64(2*latencyRate*o.Window.Seconds()), 1) }

// stallTime is how long a handler stalls.
func (o options) stallTime() time.Duration { return 5 * o.Window }

// idealWork is how long the waiting takes at least: as many at a time as the
// order and the concurrency allow, and nothing else.
func (o options) idealWork(order consumer.Order) time.Duration {
	lanes := int64(concurrency)
	switch order {
	case consumer.OrderPartition:
		lanes = min(lanes, cluster.Partitions)
	case consumer.OrderKey:
		lanes = min(lanes, workKeys)
	case consumer.OrderNone:
	}
	rows := (o.workRecords() + lanes - 1) / lanes
	return time.Duration(rows) * workTime
}
