package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/bench/internal/process"
	"sluice/bench/internal/report"
	"sluice/bench/producer/load"
)

// memory looks at what the program holds after all that it did.
func (b *bench) memory(g *gateways) error {
	if !b.wants(groupMemory) {
		return nil
	}
	for _, one := range []*gateway{g.open, g.keys} {
		if one == nil {
			continue
		}
		now, peak, err := one.Memory()
		if err != nil {
			return err
		}
		b.add(sample{Group: groupMemory, Contestant: one.Name, Memory: now, Peak: peak})
	}
	return nil
}

// starts is how often the start is measured.
const starts = 7

// start measures how long it takes from the start of the program, with an
// embedded broker that keeps nothing, to the first acknowledged record.
func (b *bench) start(ctx context.Context, dir string) error {
	if !b.wants(groupStart) {
		return nil
	}
	// In a folder of its own, without the settings of the others.
	dir = filepath.Join(dir, "start")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for i := range min(starts, 2*b.Rounds+1) {
		took, err := b.startOnce(ctx, dir)
		if err != nil {
			return fmt.Errorf("start: %w", err)
		}
		b.add(sample{Group: groupStart, Contestant: sluiceDev, Round: i, Start: report.Milliseconds(took), Acked: 1})
	}
	return nil
}

const sluiceDev = "sluice dev --ephemeral"

func (b *bench) startOnce(ctx context.Context, dir string) (time.Duration, error) {
	var ports [3]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	p, err := process.Launch(dir, sluiceDev, b.binary, "dev", "--ephemeral",
		"--producer-listen", ports[0], "--consumer-listen", ports[1], "--broker-listen", ports[2])
	if err != nil {
		return 0, err
	}
	defer p.Kill() // It keeps nothing.
	g := gateway{Process: p, address: ports[0]}
	for target := produceTarget(&g); ; {
		_, err := load.Once(ctx, target, 0)
		took := time.Since(begin)
		switch {
		case err == nil:
			return took, nil
		case took > 20*time.Second:
			return 0, p.Explain(err)
		case ctx.Err() != nil:
			return 0, errors.Join(context.Cause(ctx), err)
		}
		<-time.After(time.Millisecond)
	}
}
