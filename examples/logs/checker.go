package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"

	"sluice/examples/internal/example"
)

const (
	maxPending  = 50_000 // Lines that were sent and have not come back: then the input waits.
	maxOffences = 20
)

// checker compares what comes out with what went in. It counts every line by
// itself: one that this program has sent as it was made up, without reading it.
type checker struct {
	topics topics

	mu         sync.Mutex
	room       *sync.Cond // There is room for more lines, or nobody waits any more.
	pending    map[number]sentLine
	flows      map[string]*flow // By source.
	names      map[int32]*names
	tallies    map[string]*tally
	deliveries deliveries
	ended      bool // The input has.
	lines      int64
	repeats    int64
	wrong      int64
	offences   []string
}

// number names a line that this program has sent.
type number struct {
	source string
	seq    int64
}

// sentLine is a line on its way, and the last one of its source that service A
// had acknowledged before: all of them are in the topic before it.
type sentLine struct {
	line
	after int64
}

// flow is a source of this program.
type flow struct {
	sent, acked int64
	// inOrder are the lines that have come in order, from the first one on. What
	// is sent again comes twice, but a line never only before the one before it.
	inOrder int64
}

func newChecker(t topics) *checker {
	c := &checker{
		topics: t, pending: map[number]sentLine{}, flows: map[string]*flow{},
		names: map[int32]*names{}, tallies: map[string]*tally{}, deliveries: newDeliveries(),
	}
	c.room = sync.NewCond(&c.mu)
	return c
}

// sending is told of lines before they are sent, and waits while too many are on
// their way. Only the first one of each number counts.
func (c *checker) sending(ctx context.Context, lines ...line) error {
	stop := context.AfterFunc(ctx, c.room.Broadcast)
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) >= maxPending && ctx.Err() == nil {
		c.room.Wait()
	}
	for _, l := range lines {
		f := c.flows[l.Source]
		if l.Source == "" {
			continue // Nothing tells it from another one.
		}
		if f == nil {
			f = &flow{}
			c.flows[l.Source] = f
		}
		if l.Seq > f.sent {
			f.sent = l.Seq
			c.pending[number{l.Source, l.Seq}] = sentLine{l, f.acked}
		}
	}
	return ctx.Err()
}

// acknowledged is told of the same lines when service A has said that all of
// them were written.
func (c *checker) acknowledged(lines ...line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range lines {
		if f := c.flows[l.Source]; f != nil {
			f.acked = max(f.acked, l.Seq)
		}
	}
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
	switch e.Topic {
	case c.topics.raw:
		c.takeLine(e)
	case c.topics.counts:
		c.takeCount(e)
	case c.topics.alerts:
		c.takeAlert(e)
	}
	return nil
}

func (c *checker) takeLine(e example.Event) {
	n := c.names[e.Partition]
	if n == nil {
		n = &names{partition: e.Partition}
		c.names[e.Partition] = n
	}
	t := c.tally(n.of([]byte(e.Key)))
	l := parse(valueOf(e), e.Headers, e.Time)
	fresh := true
	if f := c.flows[l.Source]; f != nil {
		var sent sentLine
		id := number{l.Source, l.Seq}
		if sent, fresh = c.pending[id]; fresh {
			l = sent.line // As it was made up.
			delete(c.pending, id)
			c.room.Signal()
		}
		if sent.after > f.inOrder {
			c.accuse(fmt.Sprintf("%s: line %d was acknowledged, and is not in the topic in its place", l.Source, f.inOrder+1))
			f.inOrder = sent.after
		}
		if l.Seq == f.inOrder+1 {
			f.inOrder++
		}
	} else if l.Source != "" {
		fresh = t.senders.add(l)
	}
	c.lines++
	if !fresh {
		c.repeats++
	}
	t.count(l, fresh, e.Time)
	c.accuse(t.settle()...)
	c.accuse(t.match()...)
}

func (c *checker) takeCount(e example.Event) {
	name, at, err := parseKey(e.Key)
	if err != nil {
		c.accuse(err.Error())
		return
	}
	t := c.tally(name)
	switch {
	case e.Tombstone():
		c.accuse(t.gone(at)...)
	case at < 0:
		var v openValue
		if err := json.Unmarshal(e.Value, &v); err != nil {
			c.accuse(fmt.Sprintf("the record %s of the table cannot be read: %v", e.Key, err))
			return
		}
		c.accuse(t.opened(v)...)
		c.accuse(t.settle()...)
	default:
		var s second
		if err := json.Unmarshal(e.Value, &s); err != nil {
			c.accuse(fmt.Sprintf("the record %s of the table cannot be read: %v", e.Key, err))
			return
		}
		c.accuse(t.shut(at, s)...)
	}
}

func (c *checker) takeAlert(e example.Event) {
	var a alert
	if err := json.Unmarshal(e.Value, &a); err != nil {
		c.accuse(fmt.Sprintf("the alert of %s at offset %d cannot be read: %v", e.Key, e.Offset, err))
		return
	}
	t := c.tally(a.Service)
	c.accuse(t.tell(a)...)
	c.accuse(t.match()...)
	c.accuse(c.deliveries.expect(spot{e.Partition, e.Offset}, a)...)
}

// delivered takes an alert that has come to the receiver, with its signature.
func (c *checker) delivered(at spot, a alert) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accuse(c.deliveries.arrive(at, a)...)
}

func (c *checker) tally(name string) *tally {
	t := c.tallies[name]
	if t == nil {
		t = newTally(name)
		c.tallies[name] = t
	}
	return t
}

func (c *checker) accuse(wrong ...string) {
	c.wrong += int64(len(wrong))
	for _, text := range wrong {
		if len(c.offences) < maxOffences {
			c.offences = append(c.offences, text)
		}
	}
}

// Verdict is what was found so far.
func (c *checker) Verdict() example.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	complete := c.ended && len(c.pending) == 0 && c.deliveries.complete()
	for _, f := range c.flows {
		complete = complete && f.inOrder == f.sent
	}
	var compared, active, waiting int64
	for _, t := range c.tallies {
		compared += t.compared
		waiting += t.waiting()
		if t.on {
			active++
		}
		complete = complete && t.complete()
	}
	return example.Verdict{
		OK: c.wrong == 0, Complete: complete, Offences: append([]string{}, c.offences...),
		Figures: []example.Figure{
			{Name: "lines", Value: c.lines},
			{Name: "repeats", Value: c.repeats},
			{Name: "services", Value: int64(len(c.tallies))},
			{Name: "seconds compared", Value: compared},
			{Name: "alerts delivered", Value: c.deliveries.count},
			{Name: "alerts on", Value: active},
			{Name: "waiting", Value: int64(len(c.pending)+len(c.deliveries.pending)) + waiting},
		},
	}
}

// valueOf returns the bytes of a record's value, or those of a JSON text that
// means the same.
func valueOf(e example.Event) []byte {
	var inner string
	if len(e.Value) == 0 || e.Value[0] != '"' || json.Unmarshal(e.Value, &inner) != nil {
		return e.Value
	}
	if e.Binary {
		value, _ := base64.StdEncoding.DecodeString(inner) // Service B has encoded it.
		return value
	}
	return []byte(inner)
}
