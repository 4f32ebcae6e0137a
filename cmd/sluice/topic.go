package main

import (
	"context"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"sluice/internal/kafka"
)

// topicTimeout bounds one question to Kafka.
const topicTimeout = 30 * time.Second

type topicCommand struct {
	Create topicCreate `cmd:"" help:"Create topics that are missing, as the services would."`
	List   topicList   `cmd:"" help:"List the topics with their partitions and replicas."`
}

type topicCreate struct {
	Kafka      kafka.Config `embed:"" prefix:"kafka-"`
	Partitions int32        `default:"4" help:"Partitions of a topic that is created."`
	Names      []string     `arg:"" name:"topic" help:"Topics to create."`
}

// Run creates the topics.
func (c *topicCreate) Run(ctx context.Context, std streams) error {
	if c.Partitions < 1 {
		return settingsError{fmt.Errorf("--partitions: %d is less than 1", c.Partitions)}
	}
	return withControl(ctx, c.Kafka, func(ctx context.Context, control *kafka.Control) error {
		if err := control.CreateTopics(ctx, c.Partitions, c.Names...); err != nil {
			return err
		}
		for _, name := range c.Names {
			if _, err := fmt.Fprintln(std.out, name); err != nil {
				return err
			}
		}
		return nil
	})
}

type topicList struct {
	Kafka kafka.Config `embed:"" prefix:"kafka-"`
}

// Run lists the topics.
func (c *topicList) Run(ctx context.Context, std streams) error {
	return withControl(ctx, c.Kafka, func(ctx context.Context, control *kafka.Control) error {
		topics, err := control.Admin().ListTopics(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
		if _, err := fmt.Fprintln(w, "TOPIC\tPARTITIONS\tREPLICAS"); err != nil {
			return err
		}
		for _, t := range topics.Sorted() {
			if _, err := fmt.Fprintf(w, "%s\t%d\t%d\n", t.Topic, len(t.Partitions), t.Partitions.NumReplicas()); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// withControl asks Kafka something, for as long as a person would wait.
func withControl(ctx context.Context, cfg kafka.Config, ask func(context.Context, *kafka.Control) error) error {
	if err := cfg.Validate(); err != nil {
		return settingsError{err}
	}
	control, err := kafka.NewControl(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer control.Close()
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	return ask(ctx, control)
}
