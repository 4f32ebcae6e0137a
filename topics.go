package sluice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"sluice/internal/kafka"
	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Topic is a topic that a program needs.
type Topic struct {
	Name string
	// Partitions is how many it gets; 0 is the default, 4.
	Partitions int
	// Compact says that Kafka keeps the latest record of each key
	// (cleanup.policy=compact) instead of deleting by age.
	Compact bool
}

// validateTopics checks the topics of the options.
func (p *Program) validateTopics() error {
	var errs []error
	seen := map[string]bool{}
	for _, t := range p.opts.Topics {
		if !producer.ValidTopic(t.Name) {
			errs = append(errs, fmt.Errorf("sluice.Options.Topics: %q is not a topic's name", t.Name))
		}
		if t.Partitions < 0 || t.Partitions > maxPartitions {
			errs = append(errs, fmt.Errorf("sluice.Options.Topics: %s: Partitions is %d, and not from 0 to %d", t.Name, t.Partitions, maxPartitions))
		}
		if seen[t.Name] {
			errs = append(errs, fmt.Errorf("sluice.Options.Topics: %s is named twice", t.Name))
		}
		seen[t.Name] = true
	}
	return errors.Join(errs...)
}

// maxPartitions keeps a slip of the pen from filling a cluster.
const maxPartitions = 10_000

// declared reports whether a topic is one of the options'.
func (p *Program) declared(topic string) bool {
	for _, t := range p.opts.Topics {
		if t.Name == topic {
			return true
		}
	}
	return false
}

// declaredTopics makes the topics of the options, once, for whichever group asks
// first.
type declaredTopics struct {
	topics  []Topic
	create  bool
	control *kafka.Control
	log     *slog.Logger
	turn    chan struct{} // holds one token while nobody works
	done    bool          // by the holder of the token
}

func newDeclaredTopics(p *Program, control *kafka.Control) *declaredTopics {
	d := &declaredTopics{topics: p.opts.Topics, create: p.cfg.Kafka.Create, control: control, log: p.log, turn: make(chan struct{}, 1)}
	d.turn <- struct{}{}
	return d
}

// prepare returns when the topics are there, or it was told why they are not.
// The error says that Kafka cannot be used now.
func (d *declaredTopics) prepare(ctx context.Context) error {
	select {
	case <-d.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.turn <- struct{}{} }()
	if d.done || len(d.topics) == 0 {
		return nil
	}
	work := d.tellMissing
	if d.create {
		work = d.makeMissing
	}
	if err := work(ctx); err != nil {
		return err
	}
	d.done = true
	return nil
}

// makeMissing creates those that are missing. A refusal that time does not mend is a
// warning: who needs the topic says what is missing.
func (d *declaredTopics) makeMissing(ctx context.Context) error {
	for _, t := range d.topics {
		settings := map[string]string{}
		if t.Compact {
			settings["cleanup.policy"] = "compact"
		}
		err := kafka.CreateTopics(ctx, d.control.Admin(), int32(t.Partitions), settings, t.Name) //nolint:gosec // G115: it was checked.
		var code *kerr.Error
		if errors.As(err, &code) && !code.Retriable {
			d.log.WarnContext(ctx, "a topic of the program could not be created", slog.String("topic", t.Name), slog.Any("error", err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tellMissing tells which are missing where the program must not create any.
func (d *declaredTopics) tellMissing(ctx context.Context) error {
	names := make([]string, len(d.topics))
	for i, t := range d.topics {
		names[i] = t.Name
	}
	found, err := d.control.Admin().ListTopics(ctx, names...)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range names {
		if errors.Is(found[name].Err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		d.log.WarnContext(ctx, "topics of the program are missing, and kafka.create is off: create them", slog.Any("topics", missing))
	}
	return nil
}
