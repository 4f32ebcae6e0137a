package sluice

import (
	"context"
	"fmt"
	"net/http"

	"sluice/consumer"
	"sluice/internal/config"
	"sluice/internal/dashboard"
	"sluice/internal/groups"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/redrive"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
	"sluice/internal/stream/live"
	"sluice/internal/telemetry"
	"sluice/internal/tickets"
	"sluice/internal/webhook"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumerService is service B: the handlers' groups and its HTTP surface.
type consumerService struct {
	server  *httpserver.Server
	groups  []*consumer.Group
	hooks   []*webhook.Webhook
	watch   *groups.Watch
	redrive *redrive.Service
	control *kafka.Control
	topics  *declaredTopics
	link    *kafka.Link
	streams *stream.Hub // nil until it is made
}

// newConsumer wires service B. It does nothing yet.
func (p *Program) newConsumer() (*consumerService, error) {
	control, err := kafka.NewControl(p.cfg.Kafka, p.log)
	if err != nil {
		return nil, err
	}
	b := &consumerService{control: control, topics: newDeclaredTopics(p, control), link: kafka.NewLink(control, p.log)}
	if err := b.wire(p); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *consumerService) wire(p *Program) error {
	client, err := p.cfg.Kafka.Options(p.log)
	if err != nil {
		return err
	}
	seen := kafka.NewMetrics(p.metrics, "consumer")
	seen.Up(b.link.Away)
	client = append(client, kgo.WithHooks(b.link, seen))

	handlers, err := b.allHandlers(p)
	if err != nil {
		return err
	}
	var watched []groups.Handler
	members := map[*consumer.Group][]string{}
	for _, h := range handlers {
		group, err := b.addGroup(p, h, client)
		if err != nil {
			return err
		}
		members[group] = h.cfg.Topics
		watched = append(watched, groups.Handler{
			Name: h.cfg.Name, Group: h.cfg.Group, Topics: h.cfg.Topics,
			FromEnd: h.cfg.Start == consumer.StartLatest, StuckAfter: h.cfg.StuckAfter, Member: group,
		})
	}
	b.server = p.newServer("Sluice, service B (consumer)",
		"Handles the records of Kafka topics as a consumer group: at least once, in order, nothing skipped.",
		p.cfg.Consumer.Listen, consumerSetting)
	page := p.newDashboard(b, members)
	b.server.Handle(http.MethodGet, "/", page.Root(http.HandlerFunc(running)), p.rootDoc(page))
	page.Register(b.server)
	inspector := groups.NewInspector(b.control)
	groups.NewAPI(inspector, watched, b.link.Away).Register(b.server)
	if b.watch, err = groups.NewWatch(inspector, watched, p.log, p.metrics); err != nil {
		return err
	}
	b.redrive = redrive.New(redrive.Deps{Client: client, Create: p.cfg.Kafka.Create, Log: p.log})
	redrive.NewAPI(b.redrive).Register(b.server)
	if err := b.addStreams(p, client, watched); err != nil {
		return err
	}
	return p.addPages(b.server)
}

// addStreams makes the fan-out plane. Without a setting, what the handlers read
// and the program's own topics may be streamed.
func (b *consumerService) addStreams(p *Program, client []kgo.Opt, handlers []groups.Handler) (err error) {
	cfg := p.cfg.Consumer.Stream
	if b.streams, err = stream.New(cfg, stream.Deps{Client: client, Log: p.log, Metrics: p.metrics}); err != nil {
		return err
	}
	policy := live.Policy{Patterns: cfg.Topics}
	if len(policy.Patterns) == 0 {
		for _, h := range handlers {
			policy.Patterns = append(policy.Patterns, h.Topics...)
		}
		for _, t := range p.opts.Topics {
			policy.Patterns = append(policy.Patterns, t.Name)
		}
	}
	filters := filter.NewSet()
	live.NewAPI(b.streams, policy, b.control, filters).Register(b.server)
	tickets.New(tickets.Deps{Tickets: p.tickets, Filter: func(text string) error {
		_, err := filters.Compile(text)
		return err
	}}).Register(b.server)
	return nil
}

// close ends the connections that are left when the service has stopped.
func (b *consumerService) close() {
	if b.streams != nil {
		b.streams.Close()
	}
	b.control.Close()
}

// rootDoc describes "/", which tells who has no credential in its own words.
func (p *Program) rootDoc(page *dashboard.Dashboard) httpserver.Doc {
	doc := httpserver.Doc{
		ID: "root", Summary: "Whether service B is running", Tag: "consumer",
		Description: "Answers at once, while Kafka is down too. A browser gets the dashboard.",
		Answers: map[int]httpserver.Answer{
			http.StatusOK:          {Description: "Service B is running.", Body: runningAnswer{}, Bodies: map[string]any{"text/html": nil}},
			http.StatusNotModified: {Description: "The client has the dashboard already, as its If-None-Match says."},
		},
		Refuse: page.Refuse,
	}
	if p.auth != nil {
		doc.Answers[http.StatusUnauthorized] = httpserver.Answer{
			Description: "The request has no credential, or one that is not known.", Problem: true,
			Headers: map[string]string{"WWW-Authenticate": "What to authenticate with."},
		}
		doc.Answers[http.StatusServiceUnavailable] = httpserver.Answer{
			Description: "The credential cannot be checked now.", Problem: true,
			Headers: map[string]string{"Retry-After": "Seconds to wait."},
		}
	}
	return doc
}

// runningAnswer is the answer of the original service.
type runningAnswer struct {
	Message string `json:"message"`
}

func running(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"message":"Microservice B is running!"}`)) // A client that has gone is told nothing.
}

// addGroup makes the group of a handler.
func (b *consumerService) addGroup(p *Program, h namedHandler, client []kgo.Opt) (*consumer.Group, error) {
	group, err := consumer.New(h.cfg, h.handler, consumer.Deps{
		Client:  client,
		Log:     p.log,
		Metrics: p.metrics,
		Create:  p.cfg.Kafka.Create,
		Prepare: func(ctx context.Context, _ *kgo.Client) error {
			if err := b.topics.prepare(ctx); err != nil {
				return err
			}
			return b.control.Prepare(ctx, p.cfg.Kafka.Create, h.cfg.Topics...)
		},
		Away: b.link.Away,
	})
	if err != nil {
		return nil, err
	}
	b.groups = append(b.groups, group)
	p.healthOf(consumerSetting).Check("handler "+h.cfg.Name, group.Ready)
	return group, nil
}

// allHandlers are those of the program and those of the settings, or the log
// handler where there is none at all.
func (b *consumerService) allHandlers(p *Program) ([]namedHandler, error) {
	configured := p.cfg.Consumer.Handlers
	if len(configured)+len(p.handlers) == 0 {
		configured = config.DefaultHandlers(p.defaultTopic())
	}
	var all []namedHandler
	replaced := map[string]bool{}
	for _, h := range configured {
		handler, err := b.handlerOf(p, h)
		if err != nil {
			return nil, err
		}
		if h.Log == nil && h.Webhook == nil {
			replaced[h.Name] = true
		}
		all = append(all, namedHandler{h.Config, handler})
	}
	for _, h := range p.handlers {
		if !replaced[h.cfg.Name] {
			all = append(all, h)
		}
	}
	return all, nil
}

// handlerOf makes the handler that an entry of the settings asks for.
func (b *consumerService) handlerOf(p *Program, h config.Handler) (consumer.Handler, error) {
	switch {
	case h.Webhook != nil:
		hook, err := webhook.New(*h.Webhook, h.Name, p.log, p.metrics)
		if err != nil {
			return nil, err
		}
		b.hooks = append(b.hooks, hook)
		return hook, nil
	case h.Log != nil:
		format := consumer.LogText
		if p.cfg.Telemetry.Log == telemetry.JSON {
			format = consumer.LogJSON
		}
		return consumer.NewLog(p.opts.Stdout, format), nil
	}
	for _, own := range p.handlers {
		if own.cfg.Name == h.Name {
			return own.handler, nil
		}
	}
	return nil, fmt.Errorf("consumer.handlers[%s]: the program has no handler of this name", h.Name)
}

// defaultTopic is the topic of the default handler: what service A writes to,
// since both settings have the same alias.
func (p *Program) defaultTopic() string { return p.cfg.Producer.Topic }

// start joins the groups. Kafka need not be there.
func (b *consumerService) start(ctx context.Context, p *Program) {
	p.spawn("consumer", func() error { b.link.Run(ctx); return nil })
	p.spawn("groups", func() error { return b.watch.Run(ctx) })
	for _, group := range b.groups {
		p.spawn("consumer", func() error {
			if err := group.Run(ctx); err != nil {
				return fmt.Errorf("group: %w", err)
			}
			return nil
		})
	}
}
