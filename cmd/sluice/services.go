package main

import (
	"context"
	"os"
	"runtime/debug"

	"sluice"
	"sluice/internal/broker"
	"sluice/internal/config"
	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/telemetry"
)

// newCLI returns the commands with the defaults of the settings.
func newCLI() *cli {
	d := config.Default()
	c := &cli{}
	c.Producer = producerCommand{d.Kafka, d.Producer, config.SharedOf(d)}
	c.Consumer = consumerCommand{config.ServiceBOf(d)}
	c.Broker = brokerCommand{d.Broker, d.Telemetry}
	c.Topic.Create.Kafka, c.Topic.List.Kafka = d.Kafka, d.Kafka
	c.Group = newGroup(d.Kafka)
	c.DLQ = newDLQ(d.Kafka)
	c.Settings.Print.Config, c.Settings.Check.Config, c.Settings.Docs.Config = d, d, d
	c.Dev = devCommand{config.NewDev()}
	return c
}

type producerCommand struct {
	Kafka    kafka.Config    `embed:"" prefix:"kafka-"`
	Producer producer.Config `embed:"" prefix:"producer-"`
	config.Shared
}

// Run runs service A.
func (c *producerCommand) Run(ctx context.Context, std streams) error {
	if os.Getenv("GOGC") == "" {
		// Requests leave a few megabytes of garbage and hold little: with the
		// default, the collector would run thirty times a second.
		debug.SetGCPercent(400)
	}
	cfg := config.Default()
	cfg.Kafka, cfg.Producer = c.Kafka, c.Producer
	c.Into(&cfg)
	boundMemory(int64(c.Producer.Limits.InFlight) + besideBudget)
	return serve(ctx, std, cfg, sluice.Options{Producer: true, Linger: config.Linger})
}

// besideBudget is what service A may hold beside its in-flight budget before
// the collector works harder than GOGC asks for.
const besideBudget = 128 << 20

// boundMemory makes the collector keep what the process holds, garbage of large
// bodies included, below a limit that it can keep. A limit that the environment
// or a container sets comes first where it is lower.
func boundMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

type consumerCommand struct{ config.ServiceB }

// Run runs service B.
func (c *consumerCommand) Run(ctx context.Context, std streams) error {
	return serve(ctx, std, c.All(), sluice.Options{Consumer: true, Linger: config.Linger})
}

type brokerCommand struct {
	Broker    broker.Config    `embed:"" prefix:"broker-"`
	Telemetry telemetry.Config `embed:"" prefix:"telemetry-"`
}

// Run runs the embedded broker.
func (c *brokerCommand) Run(ctx context.Context, std streams) error {
	cfg := config.Default()
	cfg.Broker, cfg.Telemetry = c.Broker, c.Telemetry
	return serve(ctx, std, cfg, sluice.Options{Broker: true})
}

// serve runs the chosen parts until ctx ends.
func serve(ctx context.Context, std streams, cfg config.Config, opts sluice.Options) error {
	if err := cfg.Validate(); err != nil {
		return settingsError{err}
	}
	opts.Stdout = std.out
	opts.Log = telemetry.NewLogger(cfg.Telemetry, std.err)
	config.StayInContainer()
	return sluice.New(cfg, opts).Run(ctx)
}
