package consumer_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/record"
)

func TestConfigNamesWhatIsWrong(t *testing.T) {
	require.NoError(t, consumer.DefaultConfig().Validate())
	tests := []struct {
		name   string
		change func(*consumer.Config)
		errs   []string
	}{
		{"nothing set", func(c *consumer.Config) { *c = consumer.Config{} }, []string{
			"consumer.handlers[].name: is missing", "consumer.handlers[].group: is missing", "consumer.handlers[].topics: at least one is needed",
		}},
		{"a topic that Kafka does not take", func(c *consumer.Config) { c.Topics = []string{"a b"} }, []string{`consumer.handlers[log].topics: "a b" is not a topic's name`}},
		{"a folder", func(c *consumer.Config) { c.Topics = []string{".."} }, []string{`".." is not a topic's name`}},
		{"too long", func(c *consumer.Config) { c.Topics = []string{strings.Repeat("a", 250)} }, []string{"is not a topic's name"}},
		{"a topic twice", func(c *consumer.Config) { c.Topics = []string{"a", "a"} }, []string{"a is named twice"}},
		{"an unknown start", func(c *consumer.Config) { c.Start = "now" }, []string{`consumer.handlers[log].start: "now" is neither earliest nor latest`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := consumer.DefaultConfig()
			tt.change(&c)
			err := c.Validate()
			for _, want := range tt.errs {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestNewTellsAtOnceWhatCannotWork(t *testing.T) {
	h := consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil })
	log := slog.New(slog.DiscardHandler)
	_, err := consumer.New(consumer.Config{}, h, consumer.Deps{Log: log})
	require.ErrorContains(t, err, "group: is missing")
	_, err = consumer.New(defaultConfig(), h, consumer.Deps{Log: log, Client: []kgo.Opt{kgo.SessionTimeout(time.Millisecond)}})
	require.ErrorContains(t, err, "consumer.handlers[test]: ")
	metrics := prometheus.NewRegistry()
	_, err = consumer.New(defaultConfig(), h, consumer.Deps{Log: log, Metrics: metrics})
	require.NoError(t, err)
	_, err = consumer.New(defaultConfig(), h, consumer.Deps{Log: log, Metrics: metrics})
	require.ErrorContains(t, err, "register metrics", "two members of one group in one program would hide each other")
}
