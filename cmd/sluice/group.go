package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/internal/groups"
	"sluice/internal/kafka"
	"sluice/record"
)

type groupCommand struct {
	Lag  groupLag  `cmd:"" help:"Print how far a consumer group is behind."`
	Seek groupSeek `cmd:"" help:"Move the offsets of a consumer group that is stopped."`
}

func newGroup(k kafka.Config) groupCommand {
	return groupCommand{Lag: groupLag{Kafka: k}, Seek: groupSeek{Kafka: k}}
}

type groupLag struct {
	Kafka  kafka.Config `embed:"" prefix:"kafka-"`
	Group  string       `arg:"" help:"The group (group.id)."`
	Topics []string     `name:"topic" env:"-" sep:"," help:"Only these topics, separated by commas."`
}

// Run prints the lag of the group.
func (c *groupLag) Run(ctx context.Context, std streams) error {
	return withControl(ctx, c.Kafka, func(ctx context.Context, control *kafka.Control) error {
		g, err := groups.NewInspector(control).Inspect(ctx, groups.Question{Group: c.Group})
		if err != nil {
			return groupError(err)
		}
		for _, topic := range c.Topics {
			if !slices.Contains(g.Topics, topic) {
				return fmt.Errorf("group %s neither reads topic %q nor has offsets of it; it has %s",
					safe(g.Name), topic, strings.Join(g.Topics, ", "))
			}
		}
		if len(c.Topics) > 0 {
			g.Partitions = slices.DeleteFunc(g.Partitions, func(p groups.PartitionLag) bool { return !slices.Contains(c.Topics, p.Topic) })
			g.Total = groups.TotalOf(g.Partitions)
		}
		return printLag(std, g)
	})
}

// printLag prints a table on standard output, and on the other one why
// something in it is not known.
func printLag(std streams, g *groups.Group) error {
	members := map[string]string{"": "-"}
	for _, m := range g.Members {
		members[m.ID] = safe(m.String())
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
	line := func(columns ...string) { _, _ = fmt.Fprintln(w, strings.Join(columns, "\t")) } // Flush has the error.
	line("TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SECONDS", "MEMBER")
	for _, p := range g.Partitions {
		member := members[p.Member]
		if !p.Subscribed {
			member = "(not read any more)"
		}
		line(p.Topic, strconv.Itoa(int(p.Partition)), offset(p.Committed), offset(p.End), recordsText(p.Lag), secondsText(p.LagSeconds), member)
	}
	line("total", "", "", "", recordsText(g.Lag), secondsText(g.LagSeconds), fmt.Sprintf("%s, members: %d", g.State, len(g.Members)))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range g.Partitions {
		note(std.err, p.Problem != "", "%s/%d: %s", p.Topic, p.Partition, p.Problem)
		note(std.err, p.Stale, "%s/%d: the commit is of an earlier topic of this name, and is not used", p.Topic, p.Partition)
	}
	note(std.err, len(g.MissingTopics) > 0, "topics that do not exist: %s", strings.Join(g.MissingTopics, ", "))
	note(std.err, g.Unknown > 0, "the total leaves out what is not known; partitions concerned: %d", g.Unknown)
	return nil
}

type groupSeek struct {
	Kafka       kafka.Config `embed:"" prefix:"kafka-"`
	Group       string       `arg:"" help:"The group (group.id). One that Kafka does not know starts there."`
	Topic       string       `required:"" env:"-" help:"The topic."`
	Partitions  []int32      `name:"partition" env:"-" sep:"," help:"Only these partitions, separated by commas."`
	ToBeginning bool         `xor:"to" required:"" env:"-" help:"To the oldest record."`
	ToEnd       bool         `xor:"to" required:"" env:"-" help:"Behind the last record."`
	ToOffset    *int64       `xor:"to" required:"" env:"-" help:"To this offset."`
	ToTime      string       `xor:"to" required:"" env:"-" placeholder:"TIME" help:"To the first record at this time or after it: 2026-11-23T12:00:00Z (RFC 3339), or --to-time=-15m for a time ago."`
	DryRun      bool         `env:"-" help:"Print what would be done, and do nothing."`
}

// Run moves the group's offsets.
func (c *groupSeek) Run(ctx context.Context, std streams) error {
	target, err := c.target(time.Now())
	if err != nil {
		return settingsError{err}
	}
	return withControl(ctx, c.Kafka, func(ctx context.Context, control *kafka.Control) error {
		inspector := groups.NewInspector(control)
		plan, err := inspector.Plan(ctx, groups.Seek{Group: c.Group, Topic: c.Topic, Partitions: c.Partitions, To: target})
		if err != nil {
			return groupError(err)
		}
		if !c.DryRun {
			err = inspector.Commit(ctx, plan)
			c.audit(std, plan, err)
			if err != nil {
				return groupError(err)
			}
		}
		return c.print(std, plan)
	})
}

// target is the place that the flags name.
func (c *groupSeek) target(now time.Time) (groups.Target, error) {
	switch {
	case c.ToBeginning:
		return groups.ToBeginning(), nil
	case c.ToEnd:
		return groups.ToEnd(), nil
	case c.ToOffset != nil:
		return groups.ToOffset(*c.ToOffset), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, c.ToTime); err == nil {
		return groups.ToTime(t), nil
	}
	ago, err := time.ParseDuration(c.ToTime)
	if err != nil || ago > 0 {
		return groups.Target{}, fmt.Errorf("--to-time: %q is neither a time such as 2026-11-23T12:00:00Z nor a time ago such as -15m", c.ToTime)
	}
	return groups.ToTime(now.Add(ago)), nil
}

// audit writes one line about what was done, whatever came of it.
func (c *groupSeek) audit(std streams, plan *groups.Plan, err error) {
	moves := make([]string, len(plan.Moves))
	for n, m := range plan.Moves {
		moves[n] = fmt.Sprintf("%d:%s>%d", m.Partition, offset(m.From), m.To)
	}
	attrs := []any{
		slog.String("group", plan.Group), slog.String("topic", plan.Topic), slog.String("moves", strings.Join(moves, " ")),
		slog.Any("brokers", c.Kafka.Brokers),
	}
	if who, e := user.Current(); e == nil {
		attrs = append(attrs, slog.String("user", who.Username))
	}
	log := slog.New(slog.NewTextHandler(std.err, nil))
	if err != nil {
		log.Error("group was not sought", append(attrs, slog.Any("error", err))...)
		return
	}
	log.Info("group was sought", attrs...)
}

func (c *groupSeek) print(std streams, plan *groups.Plan) error {
	w := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "TOPIC\tPARTITION\tFROM\tTO\tSTART\tEND") // Flush has the error.
	behind := 0
	for _, m := range plan.Moves {
		if m.BehindAll {
			behind++
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\n", plan.Topic, m.Partition, offset(m.From), m.To, m.Start, m.End)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	note(std.err, plan.New, "Kafka does not know group %s yet: it starts there when it is first joined", safe(plan.Group))
	note(std.err, behind > 0, "no record at %s or later, and TO is the end; partitions concerned: %d", c.ToTime, behind)
	note(std.err, c.DryRun, "a dry run: nothing was changed")
	return nil
}

// groupError says more about an error of a person's own making.
func groupError(err error) error {
	if errors.Is(err, groups.ErrUnknownGroup) {
		return fmt.Errorf("%w: it has neither members nor committed offsets", err)
	}
	return err
}

// note writes a remark for the person in front of the terminal.
func note(w io.Writer, say bool, format string, args ...any) {
	if say {
		_, _ = fmt.Fprintf(w, "sluice: "+format+"\n", args...) // Nowhere else to say it.
	}
}

// safe makes text of what a member or a user calls itself.
func safe(name string) string { return string(record.AppendText(nil, []byte(name))) }

func offset(o int64) string {
	if o < 0 {
		return "-"
	}
	return strconv.FormatInt(o, 10)
}

func recordsText(n *int64) string {
	if n == nil {
		return "?"
	}
	return strconv.FormatInt(*n, 10)
}

func secondsText(s *float64) string {
	if s == nil {
		return "?"
	}
	return strconv.FormatFloat(*s, 'f', 1, 64)
}
