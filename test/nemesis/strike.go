//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// targets are who is harmed.
type targets struct {
	fleet *fleet
	kafka kafka
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
	// Whatever was taken away comes back, also when the run is broken off.
	after := context.WithoutCancel(ctx)
	switch f.kind {
	case killMember:
		t.fleet.of(f.member).kill()
		sleep(ctx, f.lasts)
		return t.fleet.start(f.member)
	case stopMember:
		t.fleet.of(f.member).stop()
		sleep(ctx, f.lasts)
		return t.fleet.start(f.member)
	case freezeMember:
		p := t.fleet.of(f.member)
		p.signal(syscall.SIGSTOP)
		sleep(ctx, f.lasts)
		p.signal(syscall.SIGCONT)
		return nil
	case extraMember:
		if err := t.fleet.start(f.member); err != nil {
			return err
		}
		sleep(ctx, f.lasts)
		p := t.fleet.of(f.member)
		if f.brutal {
			p.kill()
		} else {
			p.stop()
		}
		return nil
	case killBroker:
		if err := t.kafka.kill(after); err != nil {
			return err
		}
		sleep(ctx, f.lasts)
		return t.kafka.revive(after)
	case freezeBroker:
		if err := t.kafka.signal(ctx, syscall.SIGSTOP); err != nil {
			return err
		}
		sleep(ctx, f.lasts)
		return t.kafka.signal(after, syscall.SIGCONT)
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
