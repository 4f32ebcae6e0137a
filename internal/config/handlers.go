package config

import (
	"errors"
	"fmt"
	"strings"

	"sluice/consumer"

	"github.com/goccy/go-yaml"
)

// Handler is one entry of consumer.handlers: a group and what its records are
// given to.
type Handler struct {
	consumer.Config `yaml:",inline"`

	// Log writes each record as a line to standard output.
	Log *struct{} `yaml:"log,omitempty"`
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
	for i := range list {
		if list[i].Start == "" {
			list[i].Start = consumer.StartEarliest
		}
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
	return Handlers{log}
}

func (h Handlers) validate() error {
	var errs []error
	names, groups := map[string]bool{}, map[string]bool{}
	for _, handler := range h {
		errs = append(errs, handler.Validate())
		if handler.Log == nil {
			errs = append(errs, fmt.Errorf("consumer.handlers[%s]: says not what to do: add log: {}", handler.Name))
		}
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
