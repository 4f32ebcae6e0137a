package main

import (
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/go-json-experiment/json"

	"sluice/examples/internal/example"
)

// checker knows what was written and reads what came of it. It asserts that
//   - what service A has taken is in the topic of positions, in the order in
//     which it was written, possibly with repetitions;
//   - each vehicle's track and alerts are those that follow from its positions:
//     its last point, and each alert exactly once and in order.
//
// It forgets what has been found to be right, so it needs as much memory as
// there are vehicles, and as much as is on its way.
type checker struct {
	city   *city
	topics topics
	hash   maphash.Seed

	mu       sync.Mutex
	sent     map[string]*outbox
	lanes    map[laneKey]*lane
	read     map[int32]int64 // by partition: the offset behind the last position
	bad      int64           // malformed positions
	ended    bool            // nothing more will be written
	offences []string
	offended int64
}

// laneKey is a vehicle in a partition. Where partitions are added, a vehicle may
// get a second one, which begins anew.
type laneKey struct {
	partition int32
	vehicle   string
}

func newChecker(c *city, t topics) *checker {
	return &checker{city: c, topics: t, hash: maphash.MakeSeed(), sent: map[string]*outbox{}, lanes: map[laneKey]*lane{}, read: map[int32]int64{}}
}

// wrote says what is about to be written for a vehicle. What is of one batch is
// acknowledged before the next one begins.
func (c *checker) wrote(batch int64, vehicle string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.sent[vehicle]
	if o == nil {
		o = &outbox{}
		c.sent[vehicle] = o
	}
	o.lines = append(o.lines, line{sum: maphash.Bytes(c.hash, value), batch: batch})
}

// end says that nothing more will be written.
func (c *checker) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// observe takes in a record of the topics.
func (c *checker) observe(e example.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.Topic {
	case c.topics.positions:
		c.position(e)
	case c.topics.state:
		c.track(e)
	case c.topics.alerts:
		c.alert(e)
	}
	return nil
}

func (c *checker) position(e example.Event) {
	if o := c.sent[e.Key]; o != nil {
		written := []byte(e.Value)
		var text string
		if json.Unmarshal(written, &text) == nil { // It is not JSON, and comes as a string.
			written = []byte(text)
		}
		if lost := o.found(maphash.Bytes(c.hash, written), e.Partition); lost > 0 {
			c.offend("%d positions of %s that service A has acknowledged are not where they belong, before offset %d of partition %d", lost, e.Key, e.Offset, e.Partition)
		}
	}
	c.read[e.Partition] = e.Offset + 1
	p, err := parsePoint(e.Key, e.Value, e.Time)
	if err != nil {
		c.bad++
		return
	}
	l := c.lane(e.Partition, p.ID)
	var told []alert
	l.truth, told = l.truth.take(c.city, p, source{e.Partition, e.Offset})
	l.tracks = append(l.tracks, l.truth)
	l.alerts = append(l.alerts, told...)
	c.settle(l)
}

func (c *checker) track(e example.Event) {
	var t track
	if err := json.Unmarshal(e.Value, &t); err != nil || t.ID != e.Key || !isVehicle(t.ID) || t.Partition != e.Partition {
		c.offend("offset %d of partition %d of %s is no track", e.Offset, e.Partition, e.Topic)
		return
	}
	l := c.lane(t.Partition, t.ID)
	if l.any && t.Offset <= l.last {
		c.offend("the track of %s goes back from offset %d to %d", t.ID, l.last, t.Offset)
		return
	}
	l.any, l.last = true, t.Offset
	l.seenTracks = append(l.seenTracks, t)
	c.settle(l)
}

func (c *checker) alert(e example.Event) {
	var a alert
	if err := json.Unmarshal(e.Value, &a); err != nil || a.Vehicle != e.Key || !isVehicle(a.Vehicle) {
		c.offend("offset %d of partition %d of %s is no alert", e.Offset, e.Partition, e.Topic)
		return
	}
	l := c.lane(a.Partition, a.Vehicle)
	l.seenAlerts = append(l.seenAlerts, a)
	c.settle(l)
}

func (c *checker) lane(partition int32, vehicle string) *lane {
	k := laneKey{partition, vehicle}
	l := c.lanes[k]
	if l == nil {
		l = &lane{}
		c.lanes[k] = l
	}
	return l
}

func (c *checker) settle(l *lane) {
	read := func(s source) bool { return c.read[s.Partition] > s.Offset }
	l.settleTracks(read, c.offend)
	l.settleAlerts(read, c.offend)
}

// offend notes what is wrong. The first ones say how it began; the rest is
// counted.
func (c *checker) offend(format string, args ...any) {
	if c.offended++; c.offended <= 20 {
		c.offences = append(c.offences, fmt.Sprintf(format, args...))
	}
}

// behind is how much was written or has to come, and was not read yet.
func (c *checker) behind() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting()
}

func (c *checker) waiting() (n int) {
	for _, o := range c.sent {
		n += len(o.lines)
	}
	for _, l := range c.lanes {
		n += len(l.tracks) + len(l.alerts) + len(l.seenTracks) + len(l.seenAlerts)
	}
	return n
}

// verdict is what the checker has found so far.
func (c *checker) verdict() example.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum track
	vehicles := map[string]bool{}
	for k, l := range c.lanes {
		vehicles[k.vehicle] = true
		sum.Points += l.truth.Points
		sum.Stale += l.truth.Stale
		sum.Duplicates += l.truth.Duplicates
		sum.Alerts += l.truth.Alerts
	}
	waiting := c.waiting()
	return example.Verdict{
		OK: c.offended == 0, Complete: c.ended && waiting == 0,
		Figures: []example.Figure{
			{Name: "vehicles", Value: int64(len(vehicles))},
			{Name: "points", Value: sum.Points},
			{Name: "stale", Value: sum.Stale},
			{Name: "duplicates", Value: sum.Duplicates},
			{Name: "malformed", Value: c.bad},
			{Name: "alerts", Value: sum.Alerts},
			{Name: "waiting", Value: int64(waiting)},
			{Name: "offences", Value: c.offended},
		},
		Offences: append([]string{}, c.offences...),
	}
}
