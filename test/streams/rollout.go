//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"sluice/test/harm"
)

// rollout restarts one of the replicas under clients that break nothing by
// themselves, and then has all of them come back at once from a position that
// is older than the ring.
type rollout struct {
	*checker
	leave, back chan struct{}
	away        atomic.Int64

	stopTook, caughtUp, storm time.Duration
	// all are the catch-up reads of every replica for everybody, and one those
	// of a single client that came with the same position to a replica that
	// had just been started.
	all, one float64
	perAll   []float64
}

func newRollout(k *checker) *rollout {
	r := &rollout{checker: k, leave: make(chan struct{}), back: make(chan struct{})}
	for _, c := range k.clients {
		c.leave, c.back, c.away = r.leave, r.back, &r.away
	}
	return r
}

func (r *rollout) run(ctx context.Context) error {
	if err := r.until(ctx, "everybody has caught up", func() bool { return r.everybody(func(c *client) bool { return c.caught > 0 }) }); err != nil {
		return err
	}
	r.say("everybody is live; one of %d replicas is restarted", r.replicas)
	before := r.clock.Passed()
	r.fleet.of(0).Stop()
	r.stopTook = r.clock.Passed() - before
	harm.Sleep(ctx, time.Second)
	if err := r.fleet.start(0); err != nil {
		return err
	}
	r.struck[stopReplica]++
	if err := r.abreast(ctx); err != nil {
		return err
	}
	r.caughtUp = r.clock.Passed() - before - r.stopTook
	return r.comeBack(ctx)
}

// passed is how often the ring is passed, at least: a record takes more of it
// than its value has bytes.
const passed = 2

// comeBack is the storm: everybody leaves until the rings are passed, and comes
// back at once.
func (r *rollout) comeBack(ctx context.Context) error {
	r.say("everybody had everything after %s; now everybody leaves, and the rings are passed", harm.Seconds(r.caughtUp))
	close(r.leave)
	if err := r.until(ctx, "everybody has left", func() bool { return r.away.Load() == int64(len(r.clients)) }); err != nil {
		return err
	}
	// One that watches everything, as far as there is one.
	model := r.clients[0]
	if i := slices.IndexFunc(r.clients, func(c *client) bool { return len(c.selection.topics) > 1 }); i >= 0 {
		model = r.clients[i]
	}
	single := &client{
		story: &story{name: "the single client", selection: model.selection, byes: map[string]int{}},
		clock: r.clock, calm: true, replicas: r.fleet.addresses[:1], cuts: &r.cuts, next: map[line]int64{}, cursor: model.cursor,
	}
	if err := r.writer.burst(ctx, int(passed*r.ring*int64(len(r.topics))/valueSize)); err != nil {
		return err
	}
	r.say("everybody comes back at once")
	before := make([]float64, r.replicas)
	for i := range before {
		var err error
		if before[i], err = r.fleet.reads(ctx, i); err != nil {
			return err
		}
	}
	began := r.clock.Passed()
	close(r.back)
	if err := r.abreast(ctx); err != nil {
		return err
	}
	r.storm = r.clock.Passed() - began
	for i := range before {
		after, err := r.fleet.reads(ctx, i)
		if err != nil {
			return err
		}
		r.perAll = append(r.perAll, after-before[i])
		r.all += after - before[i]
	}
	return r.alone(ctx, single)
}

// alone has one client come with the same position to a replica that knows
// nothing yet.
func (r *rollout) alone(ctx context.Context, single *client) error {
	r.fleet.of(0).Stop()
	if err := r.fleet.start(0); err != nil {
		return err
	}
	before, err := r.fleet.reads(ctx, 0)
	if err != nil {
		return err
	}
	r.say("everybody had everything after %s, with %.0f reads; now a single client does the same", harm.Seconds(r.storm), r.all)
	finish := make(chan struct{})
	single.goal = r.writer.ends(func(at place, w written) bool {
		return slices.Contains(single.selection.topics, at.topic) && single.selection.wants(at, w)
	})
	close(finish)
	single.run(ctx, finish)
	after, err := r.fleet.reads(ctx, 0)
	r.one = after - before
	return err
}

// abreast waits until everybody has what is written by now.
func (r *rollout) abreast(ctx context.Context) error {
	all := r.writer.ends(func(place, written) bool { return true })
	return r.until(ctx, "everybody has what was written", func() bool {
		return r.everybody(func(c *client) bool {
			for l, end := range all {
				// Who wants one key or partition has no record of every end.
				if c.selection.key == "" && (c.selection.partition < 0 || c.selection.partition == l.partition) && slices.Contains(c.selection.topics, l.topic) && c.next[l] < end {
					return false
				}
			}
			return true
		})
	})
}

func (r *rollout) everybody(is func(*client) bool) bool {
	for _, c := range r.clients {
		c.mu.Lock()
		ok := is(c)
		c.mu.Unlock()
		if !ok {
			return false
		}
	}
	return true
}

// until waits for something, at most for as long as the run may take.
func (r *rollout) until(ctx context.Context, what string, is func() bool) error {
	for !is() {
		if r.clock.Passed() > r.most {
			return fmt.Errorf("%s: not within %s", what, r.most)
		}
		if !harm.Sleep(ctx, 50*time.Millisecond) {
			return errors.Join(errors.New("broken off"), context.Cause(ctx))
		}
	}
	return nil
}
