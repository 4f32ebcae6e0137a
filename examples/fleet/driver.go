package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/examples/internal/example"
)

// inFlight is how far the checker may be behind before the input waits for it:
// what is on its way is held in memory.
const inFlight = 200_000

// driver writes what the vehicles say, and has the checker read what comes of it.
type driver struct {
	check    *checker
	settings *settings
}

// run drives until ctx ends, or until something is wrong with the streams.
func (d *driver) run(ctx context.Context, c *example.Client) error {
	if err := d.settings.validate(); err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		t := d.check.topics
		return c.Follow(ctx, []string{t.positions, t.state, t.alerts}, d.check.observe)
	})
	work.Go(func() error {
		defer d.check.end()
		return d.write(ctx, c)
	})
	return work.Wait()
}

// write sends the map, and then what the vehicles say, until the input ends. A
// turn that is too late for Kafka or the checker is left out.
func (d *driver) write(ctx context.Context, c *example.Client) error {
	if err := c.Write(ctx, d.check.topics.city, example.Line{Key: "map", Value: d.check.city}); err != nil {
		return err
	}
	vehicles := newTraffic(d.check.city, *d.settings, time.Now())
	clock := time.NewTicker(vehicles.every / time.Duration(vehicles.turns))
	defer clock.Stop()
	for {
		now, more := d.wait(c.Input, clock.C)
		if !more {
			return nil
		}
		var lines []example.Line
		for _, m := range vehicles.next(now) {
			d.check.wrote(m)
			lines = append(lines, example.Line{Key: m.vehicle, Value: example.Text(m.text)})
		}
		if err := c.Write(ctx, d.check.topics.positions, lines...); err != nil {
			return err
		}
	}
}

// wait waits for the next turn, and says whether there is one.
func (d *driver) wait(input context.Context, clock <-chan time.Time) (now time.Time, more bool) {
	for {
		select {
		case <-input.Done():
			return now, false
		case now = <-clock:
			if d.check.behind() <= inFlight {
				return now, true
			}
		}
	}
}
