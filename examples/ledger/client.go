package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"sluice/examples/internal/example"
)

// line is what a client sends: JSON, or with raw another text.
type line struct {
	key  string
	text json.RawMessage // of a raw one, as the auditor finds it: a JSON string
	raw  string
}

// client sends transfers as an app would: now and then twice, since it is not
// sure, and now and then wrong.
type client struct {
	name    string // what its ids begin with: no two clients ever have the same
	random  *rand.Rand
	auditor *auditor
	topic   string
	number  int
	recent  []line // what it may send again
}

func newClient(name, topic string, a *auditor) *client {
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(name))                  // It cannot fail.
	random := rand.New(rand.NewPCG(seed.Sum64(), 0)) //nolint:gosec // G404: what it makes is no secret.
	return &client{name: name, topic: topic, auditor: a, random: random}
}

// Of a hundred lines, so many are repeats, ask for more than an account has, and
// are wrong.
const (
	repeats    = 5
	overdrafts = 3
	mistakes   = 1
)

// busy accounts have half of the business: there, orders follow upon each other.
const busy = 100

// pause is between two requests of a client.
const pause = 100 * time.Millisecond

// run sends so many lines a second, until the input or ctx ends.
func (c *client) run(ctx context.Context, a *example.Client, rate float64) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	due := 0.0 // Ticks that were missed are not made up for.
	for {
		select {
		case <-a.Input.Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		due += rate * pause.Seconds()
		var lines []line
		for ; due >= 1; due-- {
			lines = append(lines, c.next())
		}
		if err := c.send(ctx, a, lines); err != nil {
			return err
		}
	}
}

// send writes the lines, and returns when all are written.
func (c *client) send(ctx context.Context, a *example.Client, lines []line) error {
	c.auditor.send(lines)
	var batch []example.Line
	for _, l := range lines {
		if l.raw != "" {
			if err := a.Raw(ctx, c.topic, l.key, "text/plain", []byte(l.raw)); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, example.Line{Key: l.key, Value: l.text})
	}
	if len(batch) > 0 {
		if err := a.Write(ctx, c.topic, batch...); err != nil {
			return err
		}
	}
	c.auditor.written(lines)
	return nil
}

// next makes a line.
func (c *client) next() line {
	kind := c.random.IntN(100)
	if kind < repeats && len(c.recent) > 0 {
		return c.recent[c.random.IntN(len(c.recent))]
	}
	c.number++
	t := transfer{ID: fmt.Sprintf("%s-%d", c.name, c.number), From: c.account(), To: c.account(), Amount: 1 + c.random.Int64N(20_000)}
	for t.To == t.From {
		t.To = c.account()
	}
	if kind < repeats+overdrafts {
		t.Amount += 50 * opening
	}
	var l line
	if kind >= 100-mistakes {
		l = mistake(t, c.random.IntN(mistakeKinds))
	} else {
		l = lineOf(t.From, t)
	}
	if c.recent = append(c.recent, l); len(c.recent) > 32 {
		c.recent = c.recent[1:]
	}
	return l
}

func (c *client) account() string {
	among := customers
	if c.random.IntN(2) == 0 {
		among = busy
	}
	return fmt.Sprintf("%04d", c.random.IntN(among))
}

func lineOf(key string, value any) line {
	text, _ := json.Marshal(value) // Texts and numbers.
	return line{key: key, text: text}
}

const mistakeKinds = 8

// mistake makes of a transfer what no bank should take.
func mistake(t transfer, kind int) line {
	from := t.From
	switch kind {
	case 0:
		return lineOf(from, map[string]any{"id": t.ID, "from": from, "to": t.To, "amount": "12.50"})
	case 1:
		return lineOf(from, map[string]any{"id": t.ID, "from": from, "amount": t.Amount})
	case 2:
		t.To = from
	case 3:
		t.Amount = -t.Amount
	case 4:
		t.To = "unknown"
	case 5: // A client that would like to be given money.
		return lineOf(from, map[string]any{"id": t.ID, "from": from, "to": t.To, "amount": t.Amount, "kind": kindCredit})
	case 6:
		return lineOf(from, []any{t.ID, from, t.To, t.Amount})
	default:
		raw := fmt.Sprintf("%s: please send %d to %s", t.ID, t.Amount, t.To)
		l := lineOf(from, raw)
		l.raw = raw
		return l
	}
	return lineOf(from, t)
}
