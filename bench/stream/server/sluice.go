package server

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// runSluice is service B as a program with a handler of its own has it, with
// its defaults except for the limits of clients and connections. The handler
// has nothing to do: what a group costs is another benchmark's.
func runSluice(ctx context.Context, spec Spec, log *slog.Logger, listening func(address, path string) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cfg := sluice.DefaultConfig()
	cfg.Kafka.Brokers, cfg.Kafka.Create = spec.Brokers, false
	cfg.Consumer.Listen = []string{"127.0.0.1:0"}
	cfg.Consumer.Stream.Topics = []string{spec.Topic}
	cfg.Consumer.Stream.Clients, cfg.HTTP.Connections = 0, 0
	p := sluice.New(cfg, sluice.Options{Consumer: true, Log: log, Started: func(a sluice.Addresses) {
		if err := listening(a.Consumer[0], "/topics/"+url.PathEscape(spec.Topic)+"/events"); err != nil {
			stop(err)
		}
	}})
	p.Handle(consumer.Config{
		Name: "idle", Topics: []string{spec.Idle}, Group: spec.Group, Start: consumer.StartLatest, OnFailure: consumer.Stop,
	}, consumer.HandlerFunc(func(context.Context, *record.Record) error {
		return errors.New("there was to be no record")
	}))
	if err := p.Run(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
