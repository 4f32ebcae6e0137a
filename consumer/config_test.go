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
		{"an unknown order", func(c *consumer.Config) { c.Order = "any" }, []string{`consumer.handlers[log].order: "any" is not partition, key or none`}},
		{"an unknown end", func(c *consumer.Config) { c.OnFailure = "skip" }, []string{`consumer.handlers[log].on_failure: "skip" is neither dead_letter nor stop`}},
		{"no concurrency", func(c *consumer.Config) { c.Concurrency = -1 }, []string{`consumer.handlers[log].concurrency: -1 is not between 1 and 10000`}},
		{"too much concurrency", func(c *consumer.Config) { c.Concurrency = 10_001 }, []string{`consumer.handlers[log].concurrency: 10001 is not between 1 and 10000`}},
		{"a negative timeout", func(c *consumer.Config) { c.Timeout = -time.Second }, []string{`consumer.handlers[log].timeout: -1s is negative`}},
		{"negative attempts", func(c *consumer.Config) { c.Retry.Attempts = -2 }, []string{`consumer.handlers[log].retry.attempts: -2 is neither a number of attempts nor -1, which is without end`}},
		{"a negative pause", func(c *consumer.Config) { c.Retry.First = -time.Second }, []string{`consumer.handlers[log].retry.first: -1s is negative`}},
		{"a pause that shrinks", func(c *consumer.Config) { c.Retry = consumer.Retry{First: time.Minute, Max: time.Second} }, []string{
			`consumer.handlers[log].retry.max: 1s is less than retry.first, 1m0s`,
		}},
		{"a short session", func(c *consumer.Config) { c.SessionTimeout = 5 * time.Second }, []string{`consumer.handlers[log].session_timeout: 5s is not between 6s and 30m`}},
		{"a long session", func(c *consumer.Config) { c.SessionTimeout = time.Hour }, []string{`consumer.handlers[log].session_timeout: 1h0m0s is not between 6s and 30m`}},
		{"stuck at once", func(c *consumer.Config) { c.StuckAfter = time.Millisecond }, []string{`consumer.handlers[log].stuck_after: 1ms is less than 1s`}},
		{"a group that no topic can be named after", func(c *consumer.Config) { c.Group = "a group" }, []string{
			`consumer.handlers[log].on_failure: dead letters need the topic "test-topic.a group.dlq", a name that Kafka does not take: choose another group, or on_failure: stop`,
		}},
		{"names that are too long together", func(c *consumer.Config) { c.Group = strings.Repeat("g", 230) }, []string{"dead letters need the topic"}},
		{"its own retries", func(c *consumer.Config) { c.Topics, c.Group = []string{"a", "a.g.retry"}, "g" }, []string{
			"consumer.handlers[log].topics: a.g.retry is where redriven dead letters of a come back, and is read without being named",
		}},
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

func TestWhatIsZeroHasADefault(t *testing.T) {
	require.NoError(t, consumer.Config{Name: "n", Topics: []string{"a"}, Group: "g"}.Validate())
	require.NoError(t, consumer.Config{Name: "n", Topics: []string{"a"}, Group: "g", Retry: consumer.Retry{First: time.Hour}}.Validate())
	require.NoError(t, consumer.Config{Name: "n", Topics: []string{"a"}, Group: "a group", OnFailure: consumer.Stop}.Validate())
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
