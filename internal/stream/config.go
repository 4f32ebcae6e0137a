package stream

import (
	"errors"
	"fmt"
	"time"

	"sluice/internal/units"
)

// Config are the settings of the fan-out plane.
type Config struct {
	Topics  []string    `yaml:"topics" help:"Topics that may be streamed, by pattern (*), separated by commas; the handlers' topics when empty. Topics of Kafka's and Sluice's own only by their full name."`
	Ring    units.Bytes `yaml:"ring" help:"Memory for the latest records of a topic that is watched."`
	Memory  units.Bytes `yaml:"memory" help:"Memory for the latest records of all topics; above it no further topic can be watched."`
	Clients int         `yaml:"clients" help:"Streams at a time; 0 for no limit."`
	Replay  Replay      `yaml:"replay" embed:"" prefix:"replay-"`
}

// Replay limits what one stream may read of what is older than the ring.
type Replay struct {
	Bytes   units.Bytes   `yaml:"bytes" help:"What one stream may replay of older records before it is sent away to come again, or, where it has fallen behind, gets a gap."`
	Time    time.Duration `yaml:"time" help:"How long that may take."`
	Clients int           `yaml:"clients" help:"Streams of one principal that replay at a time."`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Ring: 64 << 20, Memory: 512 << 20, Clients: 10_000,
		Replay: Replay{Bytes: 4 << 30, Time: 10 * time.Minute, Clients: 2000},
	}
}

// Validate checks the settings; its errors name them.
func (c Config) Validate() error {
	var errs []error
	if c.Ring < 1<<20 {
		errs = append(errs, errors.New("consumer.stream.ring: must be 1MiB at least"))
	}
	if c.Memory < c.Ring {
		errs = append(errs, fmt.Errorf("consumer.stream.memory: must not be less than consumer.stream.ring, %s", c.Ring))
	}
	if c.Clients < 0 {
		errs = append(errs, errors.New("consumer.stream.clients: must not be negative"))
	}
	if c.Replay.Bytes < 1<<20 {
		errs = append(errs, errors.New("consumer.stream.replay.bytes: must be 1MiB at least"))
	}
	if c.Replay.Time < time.Second {
		errs = append(errs, errors.New("consumer.stream.replay.time: must be 1s at least"))
	}
	if c.Replay.Clients < 1 {
		errs = append(errs, errors.New("consumer.stream.replay.clients: must be 1 at least"))
	}
	return errors.Join(errs...)
}
