package example_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
	"sluice/examples/internal/exampletest"
	"sluice/record"
)

func TestMain(m *testing.M) {
	exampletest.Main(m, func() { example.Main(flags, copying) })
}

// faults are what the system does wrong on purpose.
var faults struct{ lose, repeat int64 }

func flags(fs *flag.FlagSet) {
	fs.Int64Var(&faults.lose, "lose", -1, "the `number` of every key that is lost")
	fs.Int64Var(&faults.repeat, "repeat", -1, "the `number` of every key that is there twice")
}

// copying is a system that copies numbers: of each key 0, 1, 2, … in order.
func copying(prefix string) example.System {
	c := &copies{keys: 8, numbers: prefix + "numbers", copies: prefix + "copies", next: map[string]int64{}, sent: map[string]int64{}}
	return example.System{
		Name:   "copying",
		Topics: []sluice.Topic{{Name: c.numbers, Partitions: 3}, {Name: c.copies, Partitions: 2}},
		Handlers: []sluice.Handler{{
			Config: consumer.Config{Name: "copy", Topics: []string{c.numbers}, Group: prefix + "copy"},
			Handler: consumer.Transform(func(_ context.Context, r *record.Record) ([]record.Record, error) {
				one := record.Record{Topic: c.copies, Key: r.Key, Value: r.Value}
				switch n, _ := strconv.ParseInt(string(r.Value), 10, 64); n {
				case faults.lose:
					return nil, nil
				case faults.repeat:
					return []record.Record{one, one}, nil
				}
				return []record.Record{one}, nil
			}),
		}},
		Page:    fstest.MapFS{"index.html": {Data: []byte("<title>Copies</title>")}},
		Drive:   c.drive,
		Verdict: c.verdict,
	}
}

// copies checks that each number of a key comes out once and in order.
type copies struct {
	keys            int
	numbers, copies string

	mu       sync.Mutex
	sent     map[string]int64 // how many, by key
	next     map[string]int64 // what comes next, by key
	ended    bool
	offences []string
}

func (c *copies) drive(ctx context.Context, client *example.Client) error {
	reading := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { reading <- client.Follow(ctx, []string{c.copies}, c.seen) }()
	for n := int64(0); client.Input.Err() == nil; n++ {
		lines := make([]example.Line, c.keys)
		for i := range lines {
			lines[i] = example.Line{Key: fmt.Sprintf("key %d", i), Value: n}
		}
		if err := client.Write(ctx, c.numbers, lines...); err != nil {
			return err
		}
		c.mu.Lock()
		for _, l := range lines {
			c.sent[l.Key]++
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	return <-reading
}

func (c *copies) seen(e example.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var n int64
	if err := json.Unmarshal(e.Value, &n); err != nil {
		return err
	}
	if n != c.next[e.Key] && len(c.offences) < 20 {
		c.offences = append(c.offences, fmt.Sprintf("%s: %d comes and not %d", e.Key, n, c.next[e.Key]))
	}
	c.next[e.Key] = n + 1
	return nil
}

func (c *copies) verdict() example.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := example.Verdict{OK: len(c.offences) == 0, Complete: c.ended, Offences: c.offences}
	var sent, copied int64
	for key, n := range c.sent {
		sent, copied = sent+n, copied+c.next[key]
		v.Complete = v.Complete && n == c.next[key]
	}
	v.Figures = []example.Figure{{Name: "sent", Value: sent}, {Name: "copied", Value: copied}}
	return v
}
