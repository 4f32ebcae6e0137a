package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/examples/internal/example"
)

// inFlight is how far the checker may be behind before the input waits for it:
// what is on its way is held in memory.
const inFlight = 200_000

// driver writes what the vehicles say, and has the checker read what comes of it.
type driver struct {
	city     *city
	topics   topics
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
		return c.Follow(ctx, []string{d.topics.positions, d.topics.state, d.topics.alerts}, d.check.observe)
	})
	work.Go(func() error {
		defer d.check.end()
		return d.write(ctx, c)
	})
	return work.Wait()
}

// write sends the map, and then points until the input ends.
func (d *driver) write(ctx context.Context, c *example.Client) error {
	if err := c.Write(ctx, d.topics.city, example.Line{Key: "map", Value: d.city}); err != nil {
		return err
	}
	vehicles := newTraffic(d.city, *d.settings, time.Now())
	points, wrong := 0, 0
	for batch := int64(1); d.wait(c.Input, vehicles); batch++ {
		next := vehicles.next()
		if err := d.send(ctx, c, batch, next); err != nil {
			return err
		}
		points += len(next)
		if n := d.settings.malformed; n > 0 && points >= n*(wrong+1) && len(next) > 0 {
			batch++
			p := next[len(next)-1]
			value := malformed(wrong, p)
			wrong++
			d.check.wrote(batch, p.ID, value)
			if err := c.Raw(ctx, d.topics.positions, p.ID, "application/octet-stream", value); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits for the vehicles' next turn, and says whether there is one.
func (d *driver) wait(input context.Context, vehicles *traffic) bool {
	for d.check.behind() > inFlight {
		if !pause(input, 100*time.Millisecond) {
			return false
		}
	}
	now := time.Now()
	return pause(input, vehicles.due(now).Sub(now))
}

func pause(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(t):
		return ctx.Err() == nil
	}
}

// send writes points, in their order, and returns when Kafka has them.
func (d *driver) send(ctx context.Context, c *example.Client, batch int64, points []point) error {
	if len(points) == 0 {
		return nil
	}
	lines := make([]example.Line, len(points))
	for i, p := range points {
		value, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encode a point: %w", err)
		}
		lines[i] = example.Line{Key: p.ID, Value: json.RawMessage(value)}
		d.check.wrote(batch, p.ID, value)
	}
	return c.Write(ctx, d.topics.positions, lines...)
}
