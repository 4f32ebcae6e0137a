package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"text/tabwriter"
	"time"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/internal/redrive"
	"sluice/record"
)

// dlqProgress is how often a redrive says how far it is.
const dlqProgress = 5 * time.Second

type dlqCommand struct {
	List    dlqList    `cmd:"" help:"List the dead letters of a group that were not redriven."`
	Redrive dlqRedrive `cmd:"" help:"Give dead letters to their group again."`
}

// newDLQ returns the commands with the defaults of the settings.
func newDLQ(k kafka.Config) dlqCommand {
	return dlqCommand{List: dlqList{Kafka: k}, Redrive: dlqRedrive{Kafka: k}}
}

type dlqList struct {
	Kafka    kafka.Config `embed:"" prefix:"kafka-"`
	Group    string       `arg:"" help:"Group that has given the records up."`
	Topic    string       `help:"Topic of the original records; all of the group's by default."`
	Limit    int          `default:"50" help:"How many letters to show, up to 1000; the summary counts all."`
	From     string       `help:"Where to begin, as the end of the list before says."`
	Payloads bool         `help:"Show values and headers, too."`
	JSON     bool         `name:"json" help:"Print JSON, as the HTTP API answers."`
}

// Run lists dead letters.
func (c *dlqList) Run(ctx context.Context, std streams) error {
	if c.Limit < 1 {
		return settingsError{fmt.Errorf("--limit: %d is less than 1", c.Limit)}
	}
	return withRedrives(c.Kafka, func(service *redrive.Service) error {
		list, err := service.List(ctx, redrive.ListRequest{
			Group: c.Group, Topic: c.Topic, Limit: c.Limit, From: c.From, Payloads: c.Payloads,
		}, redrive.Caller{})
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(std.out).Encode(list)
		}
		return printList(std.out, list)
	})
}

// printList prints what handlers and records say so that it cannot act on a
// terminal.
func printList(out io.Writer, list *redrive.List) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	p := &printer{out: w}
	if s := list.Summary; s != nil {
		p.printf("%d dead letters, %d of them not redriven; %d foreign records\n", s.Letters, s.Backlog, s.Foreign)
		for _, group := range []struct {
			name   string
			counts []redrive.Count
		}{{"CLASS", s.Classes}, {"HANDLER", s.Handlers}, {"MESSAGE", s.Messages}} {
			for _, count := range group.counts {
				p.printf("%s\t%d\t%s\n", group.name, count.Count, dlqText(count.Value))
			}
		}
		if s.Backlog > 0 {
			p.printf("last failures from %s to %s\n", s.Oldest.Format(time.RFC3339), s.Newest.Format(time.RFC3339))
		}
		p.printf("\n")
	}
	if len(list.Letters) > 0 {
		p.printf("TOPIC\tPARTITION\tOFFSET\tCLASS\tATTEMPTS\tREPLAYS\tLAST FAILURE\tKEY\tBYTES\tMESSAGE\n")
	}
	for i := range list.Letters {
		l := &list.Letters[i]
		p.printf("%s\t%d\t%d\t%s\t%d\t%d\t%s\t%s\t%d\t%s\n", l.Topic, l.Partition, l.Offset, dlqText(l.Class), l.Attempts, l.Replays,
			l.LastFailure.Format(time.RFC3339), dlqShown(l.Key, l.KeyEncoding), max(l.ValueSize, 0), dlqText(l.Message))
		if l.Payload != nil {
			for _, h := range l.Payload.Headers {
				p.printf("  header %s: %s\n", dlqText(h.Name), dlqShown(h.Value, h.Encoding))
			}
			p.printf("  value %s\n", dlqShown(l.Payload.Value, l.Payload.ValueEncoding))
		}
	}
	if list.Next != "" {
		p.printf("\nThere is more: --from=%s\n", list.Next)
	}
	return errors.Join(p.err, w.Flush())
}

// printer keeps the first error of many lines.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func dlqText(text string) string { return string(record.AppendText(nil, []byte(text))) }

// dlqShown is a key or a value as text: - for none.
func dlqShown(text *string, encoding string) string {
	if text == nil {
		return "-"
	}
	if encoding == "base64" {
		if raw, err := base64.StdEncoding.DecodeString(*text); err == nil {
			return string(record.AppendText(nil, raw))
		}
	}
	return dlqText(*text)
}

type dlqRedrive struct {
	Kafka      kafka.Config `embed:"" prefix:"kafka-"`
	Group      string       `arg:"" help:"Group that has given the records up."`
	Topic      string       `help:"Topic of the original records; all of the group's by default."`
	Since      moment       `help:"Only letters whose last failure was then or later: RFC 3339, or how long ago, such as 2h."`
	Until      moment       `help:"Only letters whose last failure was before: RFC 3339, or how long ago."`
	Key        *string      `help:"Only letters with exactly this key; \\xNN is a byte, \\\\ a backslash."`
	Class      string       `help:"Only letters of this error class: decode, permanent, exhausted, panic or timeout."`
	Limit      int64        `help:"End after so many letters."`
	Rate       float64      `help:"Letters a second, on average; as fast as it goes by default."`
	MaxReplays int          `default:"5" help:"Leave letters that were redriven so often before."`
	DryRun     bool         `help:"Count what would be redriven, and write nothing."`
}

// Run redrives dead letters, until they are done or it is told to stop; then it
// ends between two batches.
func (c *dlqRedrive) Run(ctx context.Context, std streams) error {
	request, err := c.request()
	if err != nil {
		return settingsError{err}
	}
	return withRedrives(c.Kafka, func(service *redrive.Service) error {
		caller := redrive.Caller{Name: dlqPrincipal()}
		status, err := service.Start(ctx, request, caller)
		if err != nil {
			return err
		}
		lasting := context.WithoutCancel(ctx)
		defer context.AfterFunc(ctx, func() {
			// How it ends is said by its status.
			_, _ = service.Stop(lasting, request.Group, status.ID, caller)
		})()
		for status.State == redrive.Running {
			_, _ = fmt.Fprintf(std.err, "redrive %s: %s\n", status.ID, counts(status)) // Progress; the result is said below.
			waiting, cancel := context.WithTimeout(lasting, dlqProgress)
			status, err = service.Wait(waiting, request.Group, status.ID)
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
		}
		return report(std.out, status)
	})
}

func (c *dlqRedrive) request() (redrive.Request, error) {
	q := redrive.Request{
		Group: c.Group, Topic: c.Topic, Since: c.Since.Time, Until: c.Until.Time, Class: deadletter.Class(c.Class),
		Limit: c.Limit, Rate: c.Rate, MaxReplays: c.MaxReplays, DryRun: c.DryRun,
	}
	if c.MaxReplays < 1 {
		return q, fmt.Errorf("--max-replays: %d is less than 1", c.MaxReplays)
	}
	if c.Key != nil {
		key, err := record.ParseText([]byte(*c.Key))
		if err != nil {
			return q, fmt.Errorf("--key: %w", err)
		}
		q.Key = key
	}
	return q, nil
}

// report prints the result. What is not done is an error.
func report(out io.Writer, status redrive.Redrive) error {
	p := &printer{out: out}
	p.printf("redrive %s: %s; %s\n", status.ID, status.State, counts(status))
	if status.Reasons != nil {
		for _, count := range status.Reasons.Messages {
			p.printf("%d\t%s\n", count.Count, dlqText(count.Value))
		}
	}
	if p.err == nil && status.State != redrive.Done {
		return fmt.Errorf("the redrive has not come to its end: %s", status.Error)
	}
	return p.err
}

func counts(r redrive.Redrive) string {
	c, done := r.Counts, "redriven"
	if r.Request.DryRun {
		done = "would be redriven"
	}
	return fmt.Sprintf("%d %s, %d scanned, %d redriven before, %d skipped by a filter, %d skipped after too many replays, %d foreign",
		c.Redriven, done, c.Scanned, c.Already, c.Filtered, c.Guarded, c.Foreign)
}

// dlqPrincipal is who the receipts say it was.
func dlqPrincipal() string {
	if u, err := user.Current(); err == nil {
		return "cli:" + u.Username
	}
	return "cli"
}

// moment is a point in time on the command line.
type moment struct{ time.Time }

// UnmarshalText reads RFC 3339, or a duration that has passed since.
func (m *moment) UnmarshalText(text []byte) error {
	if ago, err := time.ParseDuration(string(text)); err == nil {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return errors.New("is neither a time such as 2026-11-23T08:00:00Z nor a duration such as 2h")
	}
	m.Time = at
	return nil
}

// withRedrives does something with the dead letters of a cluster.
func withRedrives(cfg kafka.Config, work func(*redrive.Service) error) error {
	if err := cfg.Validate(); err != nil {
		return settingsError{err}
	}
	quiet := slog.New(slog.DiscardHandler)
	opts, err := cfg.Options(quiet)
	if err != nil {
		return err
	}
	service := redrive.New(redrive.Deps{Client: opts, Create: cfg.Create, Log: quiet})
	err = work(service)
	ctx, cancel := context.WithTimeout(context.Background(), dlqProgress)
	defer cancel()
	closeErr := service.Close(ctx)
	if _, wrong := errors.AsType[*redrive.InvalidError](err); wrong {
		return settingsError{fmt.Errorf("--%w", err)}
	}
	return errors.Join(err, closeErr)
}
