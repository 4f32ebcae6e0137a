package main

import (
	"flag"
	"fmt"
	"time"
)

// settings are the example's own flags.
type settings struct {
	vehicles int
	every    time.Duration
	clock    int
	seed     uint64
}

func (s *settings) flags(f *flag.FlagSet) {
	f.IntVar(&s.vehicles, "vehicles", 2000, "how many vehicles there are")
	f.DurationVar(&s.every, "every", 2*time.Second, "how often a vehicle says where it is")
	f.IntVar(&s.clock, "clock", 1, "how many times as fast the vehicles' time passes; they may be 10m ahead")
	f.Uint64Var(&s.seed, "seed", 1, "other traffic in the same city")
}

func (s *settings) validate() error {
	switch {
	case s.vehicles < 1 || s.vehicles > 100_000:
		return fmt.Errorf("--vehicles is %d: choose 1 to 100000", s.vehicles)
	case s.every < 10*time.Millisecond || s.every > time.Minute:
		return fmt.Errorf("--every is %s: choose 10ms to 1m", s.every)
	case s.clock < 1 || s.clock > 100:
		return fmt.Errorf("--clock is %d: choose 1 to 100", s.clock)
	}
	return nil
}
