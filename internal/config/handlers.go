package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/consumer"
	"sluice/internal/webhook"

	"github.com/goccy/go-yaml"
)

// Handler is one entry of consumer.handlers: a group and what its records are
// given to. It has one of the built-in handlers, or none, which stands for the
// handler of this name that the program itself has.
type Handler struct {
	consumer.Config `yaml:",inline"`

	// Log writes each record as a line to standard output.
	Log *struct{} `yaml:"log,omitempty"`
	// Webhook sends each record to an HTTP endpoint.
	Webhook *webhook.Config `yaml:"webhook,omitempty"`
}

// logRetry is the log handler's: where one line cannot be written, none can, so
// no record is given up for it.
func logRetry() consumer.Retry {
	return consumer.Retry{Attempts: -1, First: 5 * time.Second, Max: 5 * time.Second}
}

// UnmarshalYAML reads an entry over the defaults of its kind, which are not the
// same for all.
func (h *Handler) UnmarshalYAML(text []byte) error {
	type plain Handler
	entry := plain{Config: consumer.DefaultConfig()}
	entry.Name, entry.Topics, entry.Group = "", nil, ""
	var kind struct {
		Log *struct{} `yaml:"log"`
	}
	if err := yaml.Unmarshal(text, &kind); err == nil && kind.Log != nil {
		entry.Retry = logRetry()
	}
	if err := yaml.UnmarshalWithOptions(text, &entry, yaml.Strict()); err != nil {
		return err
	}
	*h = Handler(entry)
	return nil
}

// Handlers is the list consumer.handlers. As a flag or in the environment it
// is written as in the file.
type Handlers []Handler

// UnmarshalText reads the list from YAML.
func (h *Handlers) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == "" {
		*h = nil
		return nil
	}
	var list []Handler
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return fmt.Errorf("not a list of handlers: %s", yaml.FormatError(err, false, false))
	}
	*h = list
	return nil
}

// UnmarshalYAML reads the list from its part of the file.
func (h *Handlers) UnmarshalYAML(text []byte) error { return h.UnmarshalText(text) }

// DefaultHandlers is what service B does where no handler is given: the log
// handler of the original, on the topic.
func DefaultHandlers(topic string) Handlers {
	log := Handler{Config: consumer.DefaultConfig(), Log: &struct{}{}}
	log.Topics = []string{topic}
	log.Retry = logRetry()
	return Handlers{log}
}

// validate checks the list; own are the names of the handlers that the program
// itself has.
func (h Handlers) validate(own []string) error {
	var errs []error
	names, groups := map[string]bool{}, map[string]bool{}
	for _, handler := range h {
		errs = append(errs, handler.Validate(), handler.validateKind(own))
		if names[handler.Name] {
			errs = append(errs, fmt.Errorf("consumer.handlers[%s].name: is used twice", handler.Name))
		}
		if groups[handler.Group] {
			errs = append(errs, fmt.Errorf("consumer.handlers[%s].group: %s is used twice; each handler needs its own", handler.Name, handler.Group))
		}
		names[handler.Name], groups[handler.Group] = true, true
	}
	return errors.Join(errs...)
}

func (h Handler) validateKind(own []string) error {
	setting := fmt.Sprintf("consumer.handlers[%s]", h.Name)
	switch {
	case h.Log != nil && h.Webhook != nil:
		return fmt.Errorf("%s: has log and webhook: take one of them out, or make two entries with a group each", setting)
	case h.Webhook != nil:
		return h.Webhook.Validate(setting + ".webhook")
	case h.Log == nil && !slices.Contains(own, h.Name):
		return fmt.Errorf("%s: says not what to do: add log: {} or webhook: {url: …}; the program itself has no handler of this name", setting)
	}
	return nil
}
