package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"sluice/consumer"
	"sluice/internal/config"
	"sluice/internal/telemetry"

	"github.com/alecthomas/kong"
)

// Handler is a handler that Main runs, with the settings of its group.
type Handler struct {
	// Config needs Name, Topics and Group; an entry of consumer.handlers in the
	// settings that has the same name, and no handler of its own, replaces it.
	Config  consumer.Config
	Handler consumer.Handler
}

// Main is the main function of a program with handlers of its own. It is
// service B with them: the flags, the environment, the settings file, the log,
// the HTTP surface and the metrics are those of `sluice consumer`, and handlers
// of the settings run beside those of the program. The command dev adds service
// A and an embedded broker, for a developer:
//
//	billing --kafka-brokers=kafka:9092    the handlers, on this Kafka
//	billing dev --ephemeral               the handlers, and all they need
//	billing --help
//	billing --version
//
// The first SIGINT or SIGTERM stops the program in phases, so that what is in
// work ends and is committed; one that comes a second or more later kills it.
// Main does not return. The process ends with 0 after a clean stop, with 1 when
// something failed, and with 2 when the command line or the settings are wrong.
//
// A program with a command line of its own uses New, Program.Handle and
// Program.Run instead.
func Main(handlers ...Handler) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	code := run(config.UntilSignal(), name, os.Args[1:], os.Stdout, os.Stderr, handlers)
	os.Exit(code) //nolint:forbidigo // It stands for the main function, and says so.
}

// commands are the grammar of Main's command line.
type commands struct {
	config.FileFlag

	Version kong.VersionFlag `env:"-" help:"Print the version and exit."`

	Consumer consumerCommand `cmd:"" default:"withargs" help:"Run the handlers: Kafka in, handlers out. What runs without a command."`
	Dev      devCommand      `cmd:"" help:"Run the handlers, service A and an embedded broker in one process."`
}

// run is Main without the process around it.
func run(ctx context.Context, name string, args []string, stdout, stderr io.Writer, handlers []Handler) int {
	c := &commands{Consumer: consumerCommand{config.ServiceBOf(config.Default())}, Dev: devCommand{config.NewDev()}}
	line := config.CommandLine{Name: name, Description: describe(handlers), Version: name + " " + version(), Out: stdout, Err: stderr}
	return line.Run(ctx, c, args, &service{handlers, stdout, stderr})
}

// describe says in the help what the program does.
func describe(handlers []Handler) string {
	text := "Handles the records of Kafka topics, with Sluice."
	if len(handlers) > 0 {
		names := make([]string, len(handlers))
		for i, h := range handlers {
			names[i] = h.Config.Name
		}
		text += " Handlers: " + strings.Join(names, ", ") + "."
	}
	return text
}

// version is that of the program, as far as its build knows it, and ours.
func version() string {
	own := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		own = info.Main.Version
	}
	return own + " (sluice " + telemetry.Version() + ")"
}

type consumerCommand struct{ config.ServiceB }

// Run runs service B.
func (c *consumerCommand) Run(ctx context.Context, s *service) error {
	return s.run(ctx, c.All(), Options{Consumer: true, Linger: config.Linger})
}

type devCommand struct{ config.Dev }

// Run runs everything in one process.
func (c *devCommand) Run(ctx context.Context, s *service, kctx *kong.Context) error {
	cfg, embedded := c.All(kctx)
	return s.run(ctx, cfg, Options{
		Producer: true, Consumer: true, Broker: embedded,
		Started: func(a Addresses) {
			b := config.Banner{
				Config: cfg, Broker: a.Broker, Producer: a.Producer, Consumer: a.Consumer,
				Reads: "gives them to the handlers", Path: "/topics/" + s.topic(cfg), Body: `{"hello": "world"}`,
			}
			_, _ = fmt.Fprint(s.stderr, b) // A banner that cannot be written is no reason to stop.
		},
	})
}

// service is what the commands run.
type service struct {
	handlers       []Handler
	stdout, stderr io.Writer
}

func (s *service) run(ctx context.Context, cfg Config, opts Options) error {
	if err := s.validate(cfg); err != nil {
		return config.InvalidError{Err: err}
	}
	opts.Stdout, opts.Log = s.stdout, telemetry.NewLogger(cfg.Telemetry, s.stderr)
	config.StayInContainer()
	p := New(cfg, opts)
	for _, h := range s.handlers {
		p.Handle(h.Config, h.Handler)
	}
	return p.Run(ctx)
}

// validate checks the settings, and the handlers of the program as far as the
// settings do not replace theirs.
func (s *service) validate(cfg Config) error {
	var own []string
	var errs []error
	names, groups := map[string]bool{}, map[string]bool{}
	for _, entry := range cfg.Consumer.Handlers {
		names[entry.Name] = entry.Log != nil || entry.Webhook != nil
		groups[entry.Group] = true
	}
	for _, h := range s.handlers {
		name, group := h.Config.Name, h.Config.Group
		own = append(own, name)
		if h.Handler == nil {
			errs = append(errs, fmt.Errorf("the program's handler %q is nil: set the field Handler of the sluice.Handler that sluice.Main is given", name))
		}
		if names[name] {
			errs = append(errs, fmt.Errorf("the program's handler %q has the name of another one: each needs its own", name))
		}
		names[name] = true
		if entryOf(cfg, h) != nil {
			continue // The settings are checked below.
		}
		errs = append(errs, h.Config.Validate())
		if groups[group] {
			errs = append(errs, fmt.Errorf("the program's handler %q has the group %q of another one: each needs its own", name, group))
		}
		groups[group] = true
	}
	return errors.Join(append(errs, cfg.Validate(own...))...)
}

// entryOf returns the entry of the settings that replaces those of a handler.
func entryOf(cfg Config, h Handler) *consumer.Config {
	for i, entry := range cfg.Consumer.Handlers {
		if entry.Name == h.Config.Name && entry.Log == nil && entry.Webhook == nil {
			return &cfg.Consumer.Handlers[i].Config
		}
	}
	return nil
}

// topic is one that the handlers read: the first one's.
func (s *service) topic(cfg Config) string {
	if len(s.handlers) > 0 {
		first := s.handlers[0]
		if entry := entryOf(cfg, first); entry != nil {
			return entry.Topics[0]
		}
		return first.Config.Topics[0]
	}
	if len(cfg.Consumer.Handlers) > 0 {
		return cfg.Consumer.Handlers[0].Topics[0]
	}
	return cfg.Producer.Topic
}
