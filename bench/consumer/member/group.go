package member

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/consumer"
	"sluice/internal/kafka"
	"sluice/record"
)

// group is a member as a program with a handler of its own has it, with
// commits and metrics. It stops at a failure instead of writing dead letters,
// because there are none, and their topics would stay.
func group(ctx context.Context, spec Spec, t task, log *slog.Logger) error {
	client, err := kafka.Config{Brokers: spec.Brokers}.Options(log)
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	g, err := consumer.New(
		consumer.Config{
			Name: "bench", Topics: []string{spec.Topic}, Group: spec.Group, Start: consumer.StartEarliest,
			Order: spec.Order, Concurrency: spec.Concurrency, OnFailure: consumer.Stop,
		},
		consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
			return t.take(ctx, r.Partition, r.Offset, r.Value)
		}),
		consumer.Deps{Client: client, Log: log, Metrics: metrics},
	)
	if err != nil {
		return err
	}
	if err := g.Run(ctx); err != nil {
		return err
	}
	if _, err := metrics.Gather(); err != nil {
		return fmt.Errorf("gather metrics: %w", err)
	}
	return nil
}
