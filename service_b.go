package sluice

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"sluice/consumer"
	"sluice/internal/config"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/telemetry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumerService is service B: the handlers' groups and its HTTP surface.
type consumerService struct {
	server  *httpserver.Server
	groups  []*consumer.Group
	control *kafka.Control
	link    *kafka.Link
}

// newConsumer wires service B. It does nothing yet.
func (p *Program) newConsumer() (*consumerService, error) {
	control, err := kafka.NewControl(p.cfg.Kafka, p.log)
	if err != nil {
		return nil, err
	}
	b := &consumerService{control: control, link: kafka.NewLink(control, p.log)}
	if err := b.addGroups(p); err != nil {
		control.Close()
		return nil, err
	}
	b.server = p.newServer("Sluice, service B (consumer)",
		"Handles the records of Kafka topics as a consumer group: at least once, in order, nothing skipped.",
		p.cfg.Consumer.Listen, "consumer.listen")
	b.server.Handle(http.MethodGet, "/", http.HandlerFunc(running), httpserver.Doc{
		ID: "root", Summary: "Whether service B is running", Tag: "consumer",
		Description: "Answers at once, while Kafka is down too.",
		Answers:     map[int]httpserver.Answer{http.StatusOK: {Description: "Service B is running.", Body: runningAnswer{}}},
	})
	return b, nil
}

// runningAnswer is the answer of the original service.
type runningAnswer struct {
	Message string `json:"message"`
}

func running(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"message":"Microservice B is running!"}`)) // A client that has gone is told nothing.
}

// addGroups makes a group for each handler: those of the program, those of the
// settings, or the log handler where there is none at all.
func (b *consumerService) addGroups(p *Program) error {
	handlers := slices.Clone(p.handlers)
	configured := p.cfg.Consumer.Handlers
	if len(configured)+len(handlers) == 0 {
		configured = config.DefaultHandlers(p.defaultTopic())
	}
	for _, h := range configured {
		format := consumer.LogText
		if p.cfg.Telemetry.Log == telemetry.JSON {
			format = consumer.LogJSON
		}
		handlers = append(handlers, namedHandler{h.Config, consumer.NewLog(p.opts.Stdout, format)})
	}
	client, err := p.cfg.Kafka.Options(p.log)
	if err != nil {
		return err
	}
	seen := kafka.NewMetrics(p.metrics, "consumer")
	seen.Up(b.link.Away)
	client = append(client, kgo.WithHooks(b.link, seen))
	for _, h := range handlers {
		group, err := consumer.New(h.cfg, h.handler, consumer.Deps{
			Client:  client,
			Log:     p.log,
			Metrics: p.metrics,
			Create:  p.cfg.Kafka.Create,
			Prepare: func(ctx context.Context, _ *kgo.Client) error {
				return b.control.Prepare(ctx, p.cfg.Kafka.Create, h.cfg.Topics...)
			},
			Away: b.link.Away,
		})
		if err != nil {
			return err
		}
		b.groups = append(b.groups, group)
		p.healthOf("consumer.listen").Check("handler "+h.cfg.Name, group.Ready)
	}
	return nil
}

// defaultTopic is the topic of the default handler: what service A writes to,
// since both settings have the same alias.
func (p *Program) defaultTopic() string { return p.cfg.Producer.Topic }

// start joins the groups. Kafka need not be there.
func (b *consumerService) start(ctx context.Context, p *Program) {
	p.spawn("consumer", func() error { b.link.Run(ctx); return nil })
	for _, group := range b.groups {
		p.spawn("consumer", func() error {
			if err := group.Run(ctx); err != nil {
				return fmt.Errorf("group: %w", err)
			}
			return nil
		})
	}
}
