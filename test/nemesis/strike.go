//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/test/harm"
)

// targets are who is harmed.
type targets struct {
	fleet *fleet
	kafka harm.Broker
}

// strike does the faults of a step at the same time, and returns when they are
// over and everybody is there again. When ctx ends they are over sooner.
func (t targets) strike(ctx context.Context, faults []fault) error {
	var wg sync.WaitGroup
	errs := make([]error, len(faults))
	for i, f := range faults {
		wg.Go(func() {
			if err := t.one(ctx, f); err != nil {
				errs[i] = fmt.Errorf("%s: %w", f.kind, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (t targets) one(ctx context.Context, f fault) error {
	switch f.kind {
	case killMember:
		t.fleet.of(f.member).Kill()
		harm.Sleep(ctx, f.lasts)
		return t.fleet.start(f.member)
	case stopMember:
		t.fleet.of(f.member).Stop()
		harm.Sleep(ctx, f.lasts)
		return t.fleet.start(f.member)
	case freezeMember:
		t.fleet.of(f.member).FreezeFor(ctx, f.lasts)
		return nil
	case extraMember:
		if err := t.fleet.start(f.member); err != nil {
			return err
		}
		harm.Sleep(ctx, f.lasts)
		p := t.fleet.of(f.member)
		if f.brutal {
			p.Kill()
		} else {
			p.Stop()
		}
		return nil
	case killBroker:
		return t.kafka.KillFor(ctx, f.lasts)
	case freezeBroker:
		return t.kafka.FreezeFor(ctx, f.lasts)
	case twoAtOnce: // Each of them comes here by itself.
	}
	return fmt.Errorf("no such fault: %s", f.kind)
}

// incident is a step that has happened.
type incident struct {
	step
	// from is when it began, over when everybody was there again, and need what
	// had been acknowledged by then, by partition.
	from, over time.Duration
	need       map[int32]int64
}

// recovery is how long after the end of an incident everything that was
// acknowledged by then was committed; false if it never was.
func (i incident) recovery(polls []poll) (time.Duration, bool) {
	for _, p := range polls {
		if p.at >= i.over && reached(p.committed, i.need) {
			return p.at - i.over, true
		}
	}
	return 0, false
}
