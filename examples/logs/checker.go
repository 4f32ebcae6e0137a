package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"sluice/examples/internal/example"
)

const (
	maxWaiting  = 100_000 // Lines on their way, and accounts of them that are due: then the input waits.
	maxOffences = 20
)

// checker compares what comes out with what went in. It counts every line by
// itself: one that this program has sent as it was made up, without reading it.
type checker struct {
	topics topics

	mu       sync.Mutex
	room     *sync.Cond       // There may be room for more lines, or nobody waits any more.
	flows    map[string]*flow // By source.
	names    map[int32]names
	tallies  map[string]*tally
	ended    bool // The input has.
	lines    int64
	repeats  int64
	wrong    int64
	offences []string
}

// flow is a source of this program.
type flow struct {
	pending map[int64]line // By their numbers: those that were sent, and have not come.
	sent    int64
	// inOrder are the lines that have come in order, from the first one on. What
	// is sent again comes twice, so those that came too early come again in order.
	inOrder int64
}

func newChecker(t topics) *checker {
	c := &checker{
		topics: t, flows: map[string]*flow{}, names: map[int32]names{},
		tallies: map[string]*tally{},
	}
	c.room = sync.NewCond(&c.mu)
	return c
}

// sending is told of lines before they are sent, and waits while too much is on
// its way. Only the first one of each number counts.
func (c *checker) sending(ctx context.Context, all ...shipment) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock() // Nobody is between the question and the wait.
		defer c.mu.Unlock()
		c.room.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting() >= maxWaiting && ctx.Err() == nil {
		c.room.Wait()
	}
	for _, one := range all {
		l := one.line
		f := entry(c.flows, l.Source, &flow{pending: map[int64]line{}})
		if l.Seq > f.sent {
			f.sent = l.Seq
			f.pending[l.Seq] = l
		}
	}
	return ctx.Err()
}

// finish is told that no more lines will be sent.
func (c *checker) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// follow takes a record of one of the topics.
func (c *checker) follow(e example.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.room.Broadcast()
	switch e.Topic {
	case c.topics.raw:
		c.takeLine(e)
	case c.topics.counts:
		c.takeCount(e)
	case c.topics.alerts:
		var a alert
		if err := json.Unmarshal(e.Value, &a); err != nil {
			c.accuse(fmt.Sprintf("the alert of %s at offset %d cannot be read: %v", e.Key, e.Offset, err))
			return nil
		}
		t := c.tally(a.Service)
		t.alerts.told = append(t.alerts.told, a)
		t.deliveries.due = append(t.deliveries.due, a)
		c.accuse(t.match()...)
	}
	return nil
}

func (c *checker) takeLine(e example.Event) {
	t := c.tally(entry(c.names, e.Partition, names{}).of(e.Key, e.Partition))
	l := parse(valueOf(e), e.Headers, e.Time)
	f := c.flows[l.Source]
	fresh := f == nil && t.senders.add(l)
	if f != nil {
		var sent line
		if sent, fresh = f.pending[l.Seq]; fresh {
			l = sent // As it was made up.
			delete(f.pending, l.Seq)
		}
		if l.Seq > f.inOrder+maxAbove {
			c.accuse(fmt.Sprintf("%s: line %d is not in the topic in its place", l.Source, f.inOrder+1))
			f.inOrder = l.Seq
		} else if l.Seq == f.inOrder+1 {
			f.inOrder++
		}
	}
	c.lines++
	if !fresh {
		c.repeats++
	}
	t.count(l, fresh, e.Time)
	c.accuse(t.match()...)
}

func (c *checker) takeCount(e example.Event) {
	name, at, err := parseKey(e.Key)
	var r row
	if err == nil && !e.Tombstone() {
		err = json.Unmarshal(e.Value, &r)
	}
	if err != nil {
		c.accuse(fmt.Sprintf("the record %s of the table cannot be read: %v", e.Key, err))
		return
	}
	t := c.tally(name)
	if e.Tombstone() {
		if at >= t.kept && len(t.table.told) == 0 {
			c.accuse(fmt.Sprintf("%s: second %d was forgotten too early", name, at))
		}
		return
	}
	t.table.told = append(t.table.told, accountOf(r))
	c.accuse(t.match()...)
}

// arrived takes an alert that has come to the receiver, with its signature. The
// webhook brings those of a service in order: one may come again.
func (c *checker) arrived(a alert) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tally(a.Service); a.At > t.arrived {
		t.arrived = a.At
		t.deliveries.told = append(t.deliveries.told, a)
		c.accuse(t.match()...)
	}
}

func (c *checker) tally(name string) *tally {
	return entry(c.tallies, name, &tally{name: name, counts: map[int64]*account{}})
}

// entry returns what a map has, which is the new one where it has none.
func entry[K comparable, V any](all map[K]V, key K, fresh V) V {
	if old, there := all[key]; there {
		return old
	}
	all[key] = fresh
	return fresh
}

func (c *checker) accuse(wrong ...string) {
	c.wrong += int64(len(wrong))
	c.offences = append(c.offences, wrong[:min(len(wrong), maxOffences-len(c.offences))]...)
}

// waiting counts what has been said on one side only.
func (c *checker) waiting() (n int) {
	for _, f := range c.flows {
		n += len(f.pending)
	}
	for _, t := range c.tallies {
		n += t.table.waiting() + t.alerts.waiting() + t.deliveries.waiting()
	}
	return n
}

// Verdict is what was found so far.
func (c *checker) Verdict() example.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting()
	complete := c.ended && waiting == 0
	for _, f := range c.flows {
		complete = complete && f.inOrder == f.sent
	}
	var compared, delivered int64
	for _, t := range c.tallies {
		compared += t.compared
		delivered += t.delivered
	}
	return example.Verdict{
		OK: c.wrong == 0, Complete: complete, Offences: append([]string{}, c.offences...),
		Figures: []example.Figure{
			{Name: "lines", Value: c.lines},
			{Name: "repeats", Value: c.repeats},
			{Name: "services", Value: int64(len(c.tallies))},
			{Name: "seconds compared", Value: compared},
			{Name: "alerts delivered", Value: delivered},
			{Name: "waiting", Value: int64(waiting)},
		},
	}
}

// valueOf returns a record's value as text has it.
func valueOf(e example.Event) string {
	var inner string
	if json.Unmarshal(e.Value, &inner) != nil {
		return string(e.Value)
	}
	return inner
}
