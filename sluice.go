// Package sluice is the program: service A, which takes records over HTTP and
// writes them to Kafka, service B, which reads them and reports in real time,
// and an embedded broker, in any combination in one process. It wires the
// packages below it, starts them and stops them in phases; it does no work of
// its own. Commands, tests and programs with handlers of their own use it.
package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/broker"
	"sluice/internal/config"
	"sluice/internal/httpserver"
	"sluice/internal/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

// Config are all settings, in the shape of the settings file.
type Config = config.Config

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return config.Default() }

// Options say which parts run, and where they write. The zero value of the
// others is what a program wants.
type Options struct {
	// Producer, Consumer and Broker choose service A, service B and the
	// embedded broker. With a Broker, kafka.brokers is what it listens on.
	Producer, Consumer, Broker bool
	// Stdout is where the log handler writes; os.Stdout when nil.
	Stdout io.Writer
	// Log is the program's own log; to os.Stderr as the settings say when nil.
	Log *slog.Logger
	// Started is called once, when every listener accepts connections. Kafka
	// may not have answered by then.
	Started func(Addresses)
	// Linger is how long the services go on serving after they have said that
	// they are not ready, so that proxies notice: 0 where there is none.
	Linger time.Duration
	// Topics are those that the program needs beside what its handlers read.
	// Service B makes those that are missing before a handler joins its group,
	// unless kafka.create is off or Kafka does not permit it, which is a warning
	// that names them. One that is there is left as it is. They may be streamed,
	// as the handlers' topics may, where consumer.stream.topics is empty. A
	// program without service B makes none of them: whoever runs service B does,
	// or an operator.
	Topics []Topic
}

// Addresses are what the parts listen on; a part that does not run has none.
type Addresses struct {
	Broker                    string
	Producer, Consumer, Admin []string
}

// Program is one process of Sluice. It is made by New and run once.
type Program struct {
	cfg      Config
	opts     Options
	log      *slog.Logger
	metrics  *prometheus.Registry
	handlers []namedHandler
	pages    []page
	healths  map[string]*httpserver.Health // by the setting of their address

	broker   *broker.Broker
	auth     *access.Authenticator // nil where no authentication is configured
	tickets  *access.Tickets       // of service B
	producer *producerService
	consumer *consumerService
	admin    *httpserver.Server
	tracing  *telemetry.Tracing // nil where it is off

	running sync.WaitGroup
	failed  chan error
	stop    context.CancelFunc // of the background work, at the end
}

type namedHandler struct {
	cfg     consumer.Config
	handler consumer.Handler
}

// New makes a Program.
func New(cfg Config, opts Options) *Program {
	if opts.Stdout == nil {
		opts.Stdout = os.Stdout
	}
	log := opts.Log
	if log == nil {
		log = telemetry.NewLogger(cfg.Telemetry, os.Stderr)
	}
	return &Program{
		cfg: cfg, opts: opts, log: log,
		metrics: telemetry.NewRegistry(),
		healths: map[string]*httpserver.Health{},
		failed:  make(chan error, 8),
		stop:    func() {},
	}
}

// Handle adds a handler to service B, beside those of the settings or, where
// they name none, instead of the log handler. An entry of the settings that has
// the handler's name and no handler of its own replaces cfg. It is called before
// Run.
func (p *Program) Handle(cfg consumer.Config, h consumer.Handler) {
	p.handlers = append(p.handlers, namedHandler{cfg, h})
}

// Run starts the parts, serves until ctx ends, and stops them in phases; see
// ARCHITECTURE.md for the table. A clean stop is nil. A part that cannot start
// or fails is an error, after the others were stopped.
func (p *Program) Run(ctx context.Context) error {
	own := make([]string, len(p.handlers))
	for i, h := range p.handlers {
		own[i] = h.cfg.Name
	}
	if err := errors.Join(p.cfg.Validate(own...), p.validateTopics(), p.validatePages()); err != nil {
		return err
	}
	err := p.start(ctx)
	if err != nil {
		p.opts.Linger = 0 // Nobody has noticed it.
	} else {
		if p.opts.Started != nil {
			p.opts.Started(p.addresses())
		}
		select {
		case <-ctx.Done():
			p.log.InfoContext(ctx, "stopping")
		case err = <-p.failed:
			p.log.ErrorContext(ctx, "stopping because a part failed", slog.Any("error", err))
		}
	}
	return errors.Join(err, p.shutdown())
}

// start opens every listener before a service begins its work, so that a port
// that is taken is found before a record is read.
func (p *Program) start(ctx context.Context) error {
	if p.opts.Broker {
		var err error
		if p.broker, err = broker.Start(p.cfg.Broker, p.log.With(slog.String("part", "broker"))); err != nil {
			return err
		}
		p.cfg.Kafka.Brokers = []string{p.broker.Addr()}
	}
	if err := p.newAuth(); err != nil {
		return err
	}
	if err := p.newTracing(ctx); err != nil {
		return err
	}
	var servers []*httpserver.Server
	if len(p.cfg.Admin.Listen) > 0 {
		p.admin = p.newServer("Sluice", "Health and metrics.", p.cfg.Admin.Listen, adminSetting)
		servers = append(servers, p.admin)
	}
	if p.opts.Producer {
		p.producer = p.newProducer()
		servers = append(servers, p.producer.server)
	}
	if p.opts.Consumer {
		var err error
		if p.consumer, err = p.newConsumer(); err != nil {
			return err
		}
		servers = append(servers, p.consumer.server)
	}
	for _, s := range servers {
		if err := s.Listen(ctx); err != nil {
			return err
		}
	}
	// The work outlives ctx: it is told to stop in phases.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	if p.auth != nil {
		p.spawn("auth", func() error { return p.auth.Run(work) })
	}
	if p.tickets != nil {
		p.spawn("tickets", func() error { return p.tickets.Run(work) })
	}
	for _, s := range servers {
		p.spawn("http", s.Serve)
	}
	if p.producer != nil {
		p.spawn("producer", func() error { return p.producer.writer.Run(work) })
	}
	if p.consumer != nil {
		p.consumer.start(work, p)
	}
	return nil
}

// spawn runs a part, and stops the program if it fails.
func (p *Program) spawn(part string, run func() error) {
	p.running.Go(func() {
		if err := run(); err != nil {
			select {
			case p.failed <- fmt.Errorf("%s: %w", part, err):
			default: // The first failures are enough to stop.
			}
		}
	})
}

// newTracing makes what the OTEL_* variables ask for.
func (p *Program) newTracing(ctx context.Context) (err error) {
	service := "sluice"
	switch {
	case p.opts.Producer && !p.opts.Consumer:
		service = "sluice-producer"
	case p.opts.Consumer && !p.opts.Producer:
		service = "sluice-consumer"
	}
	p.tracing, err = telemetry.NewTracing(ctx, service, p.log)
	return err
}

// newAuth reads who may use the services. Its readiness is that of each of
// them.
func (p *Program) newAuth() (err error) {
	if p.cfg.Auth.Configured() && (p.opts.Producer || p.opts.Consumer) {
		if err := p.newAuthenticator(); err != nil {
			return err
		}
	}
	if p.opts.Consumer {
		p.tickets, err = access.NewTickets(p.cfg.Auth.TicketsKeyFile, p.auth, p.log)
	}
	return err
}

func (p *Program) newAuthenticator() error {
	auth, err := access.New(p.cfg.Auth.Config, p.log)
	if err != nil {
		return err
	}
	p.auth = auth
	p.metrics.MustRegister(auth)
	if p.opts.Producer {
		p.healthOf("producer.listen").Check("auth", auth.Ready)
	}
	if p.opts.Consumer && (!p.opts.Producer || len(p.cfg.Admin.Listen) == 0) {
		p.healthOf(consumerSetting).Check("auth", auth.Ready)
	}
	return nil
}

// newServer makes an HTTP surface. Health and metrics are on it unless they
// have an address of their own, which then obeys nothing of http: it works
// when the services' listeners are full or their certificate is bad.
func (p *Program) newServer(title, description string, listen []string, setting string) *httpserver.Server {
	opts := httpserver.Options{
		Title: title, Version: telemetry.Version(), Description: description,
		Listen: listen, Setting: setting, AuthNone: p.cfg.Auth.Word == config.AuthNone, Auth: p.auth,
		Metrics: p.metrics, Log: p.log,
	}
	if p.tracing != nil { // A nil pointer in an interface would not be nil.
		opts.Tracer = p.tracing
	}
	if p.admin == nil || setting == adminSetting {
		opts.Health = p.healthOf(setting)
	}
	if setting != adminSetting {
		opts.HTTP = p.cfg.HTTP
	}
	if setting == consumerSetting {
		opts.Tickets = p.tickets // Service A takes no cookies.
	}
	return httpserver.New(opts)
}

const (
	adminSetting    = "admin.listen"
	consumerSetting = "consumer.listen"
)

// healthOf returns the readiness that is served at a setting's addresses: the
// service's own, or the whole program's where health has its own address.
func (p *Program) healthOf(setting string) *httpserver.Health {
	if len(p.cfg.Admin.Listen) > 0 {
		setting = adminSetting
	}
	h := p.healths[setting]
	if h == nil {
		h = &httpserver.Health{}
		p.healths[setting] = h
	}
	return h
}

func (p *Program) addresses() Addresses {
	var a Addresses
	if p.broker != nil {
		a.Broker = p.broker.Addr()
	}
	if p.producer != nil {
		a.Producer = p.producer.server.Addrs()
	}
	if p.consumer != nil {
		a.Consumer = p.consumer.server.Addrs()
	}
	if p.admin != nil {
		a.Admin = p.admin.Addrs()
	}
	return a
}
