package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"sluice/examples/internal/example"
	"sluice/record"
)

// checker knows what was written and reads what came of it. It asserts that
//   - what service A has taken is in the topic of positions, in the order in
//     which it was written, possibly with repetitions;
//   - each vehicle's tracks and alerts are those that a tracker which is never
//     killed makes of these positions: its last point, and each alert exactly
//     once and in order.
//
// It forgets what has been found to be right, so it needs as much memory as
// there are vehicles, and as much as is on its way.
type checker struct {
	city   *city
	topics topics

	mu       sync.Mutex
	sent     map[string]*outbox
	truth    map[int32]*tracker // by partition
	read     map[int32]int64    // by partition: the offset behind the last position
	queues   map[queueKey]*queue
	bad      int64 // malformed positions
	ended    bool  // nothing more will be written
	offences []string
	offended int64
}

// A queue is what has to come of a vehicle's positions in a topic, and what has
// come and cannot be judged yet, since the position was not read. Where
// partitions are added, a vehicle may get a second one, which begins anew.
type queue struct {
	due  []string
	come []result
}

type queueKey struct {
	topic     string
	partition int32 // of the positions
	vehicle   string
}

// A result is a track or an alert, and where the position is that it was made of.
type result struct {
	source
	text string
}

func newChecker(c *city, t topics) *checker {
	return &checker{city: c, topics: t, sent: map[string]*outbox{}, truth: map[int32]*tracker{}, read: map[int32]int64{}, queues: map[queueKey]*queue{}}
}

// wrote says what is about to be written. A vehicle's message is acknowledged
// before its next one is written.
func (c *checker) wrote(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent[m.vehicle] == nil {
		c.sent[m.vehicle] = &outbox{}
	}
	o := c.sent[m.vehicle]
	o.texts = append(o.texts, m.text)
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
	case c.topics.state, c.topics.alerts:
		c.result(e)
	}
	return nil
}

func (c *checker) position(e example.Event) {
	if o := c.sent[e.Key]; o != nil {
		text := string(e.Value)
		_ = json.Unmarshal(e.Value, &text) // What is no JSON comes as a string.
		if lost := o.found(text, e.Partition); lost > 0 {
			c.offend("%d positions of %s that service A has acknowledged are not where they belong, before offset %d of partition %d", lost, e.Key, e.Offset, e.Partition)
		}
	}
	c.read[e.Partition] = e.Offset + 1
	if c.truth[e.Partition] == nil {
		c.truth[e.Partition] = newTracker(c.city, c.topics)
	}
	made, err := c.truth[e.Partition].Handle(context.Background(), &record.Record{Partition: e.Partition, Offset: e.Offset, Timestamp: e.Time, Key: []byte(e.Key), Value: e.Value})
	if err != nil {
		c.bad++
		return
	}
	for _, r := range made {
		q := c.queue(queueKey{r.Topic, e.Partition, e.Key})
		q.due = append(q.due, string(r.Value))
	}
	c.settle(queueKey{c.topics.state, e.Partition, e.Key})
	c.settle(queueKey{c.topics.alerts, e.Partition, e.Key})
}

func (c *checker) result(e example.Event) {
	r := result{text: string(e.Value)}
	err := json.Unmarshal(e.Value, &r.source)
	if err != nil || !vehicleID.MatchString(e.Key) || e.Topic == c.topics.state && r.Partition != e.Partition {
		c.offend("offset %d of partition %d of %s was made of no position", e.Offset, e.Partition, e.Topic)
		return
	}
	k := queueKey{e.Topic, r.Partition, e.Key}
	q := c.queue(k)
	q.come = append(q.come, r)
	c.settle(k)
}

func (c *checker) queue(k queueKey) *queue {
	if c.queues[k] == nil {
		c.queues[k] = &queue{}
	}
	return c.queues[k]
}

// settle compares what has come with what had to come, one by one. The table is
// compacted, so a track that has a later one need not be there; each that is has
// to be right.
func (c *checker) settle(k queueKey) {
	q := c.queue(k)
	for len(q.come) > 0 && q.come[0].Offset < c.read[k.partition] {
		text := q.come[0].text
		q.come = q.come[1:]
		n := slices.Index(q.due, text)
		if n < 0 {
			c.offend("%s of %s is wrong, repeated or too late: %s, where %s is due", k.topic, k.vehicle, text, q.due[:min(1, len(q.due))])
			continue
		}
		if n > 0 && k.topic == c.topics.alerts {
			c.offend("%s of %s has left out %d before %s", k.topic, k.vehicle, n, text)
		}
		q.due = q.due[n+1:]
	}
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
		n += len(o.texts) + len(o.strays)
	}
	for _, q := range c.queues {
		n += len(q.due) + len(q.come)
	}
	return n
}

// verdict is what the checker has found so far.
func (c *checker) verdict() example.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum track
	vehicles := map[string]bool{}
	for _, truth := range c.truth {
		for id, t := range truth.tracks {
			vehicles[id] = true
			sum.Points += t.Points
			sum.Stale += t.Stale
			sum.Duplicates += t.Duplicates
			sum.Alerts += t.Alerts
		}
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
		Offences: append([]string{}, c.offences...), // A list in JSON, also without any.
	}
}
