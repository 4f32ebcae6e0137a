package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"sluice/examples/internal/example"
)

// line is what a client sends.
type line struct{ key, text string }

// lineHeader says which line it is, of all that are sent: repeats are others.
const lineHeader = "line"

// client sends transfers as an app would: now and then twice, since it is not
// sure, and now and then wrong.
type client struct {
	name    string // what its ids begin with: no two clients ever have the same
	random  *rand.Rand
	auditor *auditor
	number  int    // of transfers
	recent  []line // what it may send again
	sent    int    // lines
}

func newClient(name string, a *auditor) *client {
	random := rand.New(rand.NewPCG(rand.Uint64(), 0)) //nolint:gosec // G404: what it makes is no secret.
	return &client{name: name, auditor: a, random: random}
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
	defer c.auditor.clients.Add(-1)
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
		if c.auditor.behind() {
			continue
		}
		due += rate * pause.Seconds()
		var batch []example.Line
		for ; due >= 1; due-- {
			l := c.next()
			c.sent++
			id := fmt.Sprintf("%s-%d", c.name, c.sent)
			c.auditor.send(id, l.key)
			batch = append(batch, example.Line{Key: l.key, Value: example.Text(l.text), Headers: map[string]string{lineHeader: id}})
		}
		if err := a.Write(ctx, c.auditor.topics.transfers, batch...); err != nil {
			return err
		}
	}
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
	text, _ := json.Marshal(t) // Texts and a number.
	l := line{t.From, string(text)}
	if kind >= 100-mistakes {
		l.text = c.mistake(t)
	}
	if c.recent = append(c.recent, l); len(c.recent) > 32 {
		c.recent = c.recent[1:]
	}
	return l
}

func (c *client) account() string {
	among := []int{busy, customers}[c.random.IntN(2)]
	return fmt.Sprintf("%04d", c.random.IntN(among))
}

// mistake makes of a transfer what no bank should take. The last but one would
// like to be given money.
func (c *client) mistake(t transfer) string {
	kinds := []string{
		`{"id":"%[1]s","from":"%[2]s","to":"%[3]s","amount":"12.50"}`,
		`{"id":"%[1]s","from":"%[2]s","amount":%[4]d}`,
		`{"id":"%[1]s","from":"%[2]s","to":"%[2]s","amount":%[4]d}`,
		`{"id":"%[1]s","from":"%[2]s","to":"%[3]s","amount":-%[4]d}`,
		`{"id":"%[1]s","from":"%[2]s","to":"unknown","amount":%[4]d}`,
		`["%[1]s","%[2]s","%[3]s",%[4]d]`,
		`{"id":"%[1]s","from":"%[2]s","to":"%[3]s","amount":%[4]d,"kind":"credit"}`,
		`%[1]s: please send %[4]d to %[3]s`,
	}
	return fmt.Sprintf(kinds[c.random.IntN(len(kinds))], t.ID, t.From, t.To, t.Amount)
}
