package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"sluice/internal/deadletter"
)

// Start says where a group begins in a partition for which it has committed
// nothing yet.
type Start string

const (
	// StartEarliest begins with the oldest record that Kafka still has.
	StartEarliest Start = "earliest"
	// StartLatest begins with what is written after the group first sees the
	// partition. A partition that is added to a topic later begins at its
	// beginning all the same, so that nothing written meanwhile is skipped.
	StartLatest Start = "latest"
)

// Order says which records wait for each other.
type Order string

const (
	// OrderPartition handles the records of a partition one after the other. A
	// record that waits to be tried again holds its partition.
	OrderPartition Order = "partition"
	// OrderKey handles the records of one key one after the other, and those
	// of different keys of a partition at the same time. Records without a key
	// are handled as if they had one in common.
	OrderKey Order = "key"
	// OrderNone handles records in any order.
	OrderNone Order = "none"
)

// OnFailure says what becomes of a record that is given up: one whose last
// attempt has failed, or whose failure is permanent.
type OnFailure string

const (
	// DeadLetter writes it to the topic <topic>.<group>.dlq and goes on.
	DeadLetter OnFailure = "dead_letter"
	// Stop holds its partition, with the reason, until it is assigned anew, such
	// as by a restart of the program: nothing behind it is handled.
	Stop OnFailure = "stop"
)

// Config are the settings of one handler and its group. What is zero, but for
// Name, Topics and Group, has the default of DefaultConfig.
type Config struct {
	// Name is the handler's in logs, metrics and dead letters.
	Name string `yaml:"name"`
	// Topics are read; the members of one Group share their partitions.
	Topics []string `yaml:"topics"`
	Group  string   `yaml:"group"`
	Start  Start    `yaml:"start"`
	Order  Order    `yaml:"order,omitempty"`
	// Concurrency is how many records this member handles at the same time, at
	// most: 64 by default.
	Concurrency int `yaml:"concurrency,omitempty"`
	// Timeout ends the context of an attempt; there is none by default. An
	// attempt that ends with an error after it has failed for its timeout.
	Timeout   time.Duration `yaml:"timeout,omitempty"`
	Retry     Retry         `yaml:"retry"`
	OnFailure OnFailure     `yaml:"on_failure,omitempty"`
	// SessionTimeout is how long a member that died keeps its partitions,
	// before the group gives them to the others: 45s by default. Kafka allows
	// 6s to 30m, unless it is set up otherwise.
	SessionTimeout time.Duration `yaml:"session_timeout,omitempty"`
	// Instance makes this a static member (group.instance.id): one that comes
	// back under this name within SessionTimeout has its partitions again,
	// without a rebalance. It does not leave the group when it stops, so its
	// partitions wait for it until then. Each member of a group needs its own.
	Instance string `yaml:"instance,omitempty"`
	// StuckAfter is when a partition is reported that has records to handle
	// and makes no progress: 5m by default.
	StuckAfter time.Duration `yaml:"stuck_after,omitempty"`
}

// Retry says how often and when a failed record is tried again. The pause after
// the first attempt is First, each later one twice the one before, at most Max,
// less a random part of up to a half.
type Retry struct {
	// Attempts counts the first one, too: 8 by default. -1 is without end.
	Attempts int           `yaml:"attempts,omitempty"`
	First    time.Duration `yaml:"first,omitempty"`
	Max      time.Duration `yaml:"max,omitempty"`
}

// DefaultConfig returns the defaults, in which Name, Topics and Group are those
// of the original system.
func DefaultConfig() Config {
	return Config{
		Name:        "log",
		Topics:      []string{"test-topic"},
		Group:       "my-fastapi-consumer-group",
		Start:       StartEarliest,
		Order:       OrderPartition,
		Concurrency: 64,
		// About half a minute in all.
		Retry:          Retry{Attempts: 8, First: 200 * time.Millisecond, Max: 30 * time.Second},
		OnFailure:      DeadLetter,
		SessionTimeout: 45 * time.Second, // Kafka's own.
		StuckAfter:     5 * time.Minute,
	}
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	c.Start = cmp.Or(c.Start, d.Start)
	c.Order = cmp.Or(c.Order, d.Order)
	c.Concurrency = cmp.Or(c.Concurrency, d.Concurrency)
	c.Retry.Attempts = cmp.Or(c.Retry.Attempts, d.Retry.Attempts)
	c.Retry.First = cmp.Or(c.Retry.First, d.Retry.First)
	c.Retry.Max = cmp.Or(c.Retry.Max, max(d.Retry.Max, c.Retry.First))
	c.OnFailure = cmp.Or(c.OnFailure, d.OnFailure)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, d.SessionTimeout)
	c.StuckAfter = cmp.Or(c.StuckAfter, d.StuckAfter)
	return c
}

// topicName is what Kafka takes as a topic's name.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate checks the settings. Its errors name the handler and the setting.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(setting, format string, args ...any) {
		errs = append(errs, fmt.Errorf("consumer.handlers[%s].%s: %s", c.Name, setting, fmt.Sprintf(format, args...)))
	}
	if c.Name == "" {
		bad("name", "is missing")
	}
	if c.Group == "" {
		bad("group", "is missing")
	}
	c.validateTopics(bad)
	if !slices.Contains([]Start{StartEarliest, StartLatest}, c.Start) {
		bad("start", "%q is neither earliest nor latest", c.Start)
	}
	if !slices.Contains([]Order{OrderPartition, OrderKey, OrderNone}, c.Order) {
		bad("order", "%q is not partition, key or none", c.Order)
	}
	if !slices.Contains([]OnFailure{DeadLetter, Stop}, c.OnFailure) {
		bad("on_failure", "%q is neither dead_letter nor stop", c.OnFailure)
	}
	if c.Concurrency < 1 || c.Concurrency > 10_000 {
		bad("concurrency", "%d is not between 1 and 10000", c.Concurrency)
	}
	if c.Timeout < 0 {
		bad("timeout", "%s is negative", c.Timeout)
	}
	if c.Retry.Attempts < -1 {
		bad("retry.attempts", "%d is neither a number of attempts nor -1, which is without end", c.Retry.Attempts)
	}
	if c.Retry.First < 0 {
		bad("retry.first", "%s is negative", c.Retry.First)
	}
	if c.Retry.Max < c.Retry.First {
		bad("retry.max", "%s is less than retry.first, %s", c.Retry.Max, c.Retry.First)
	}
	if c.SessionTimeout < 6*time.Second || c.SessionTimeout > 30*time.Minute {
		bad("session_timeout", "%s is not between 6s and 30m", c.SessionTimeout)
	}
	if c.StuckAfter < time.Second {
		bad("stuck_after", "%s is less than 1s", c.StuckAfter)
	}
	return errors.Join(errs...)
}

func (c Config) validateTopics(bad func(setting, format string, args ...any)) {
	if len(c.Topics) == 0 {
		bad("topics", "at least one is needed")
	}
	seen := map[string]bool{}
	for _, topic := range c.Topics {
		switch {
		case !topicName.MatchString(topic) || topic == "." || topic == "..":
			bad("topics", "%q is not a topic's name", topic)
		case c.OnFailure == DeadLetter && slices.Contains(c.Topics, deadletter.Retry(topic, c.Group)):
			bad("topics", "%s is where redriven dead letters of %s come back, and is read without being named",
				deadletter.Retry(topic, c.Group), topic)
		case seen[topic]:
			bad("topics", "%s is named twice", topic)
		case c.OnFailure == DeadLetter && c.Group != "" && !topicName.MatchString(deadletter.Redrives(topic, c.Group)):
			bad("on_failure", "dead letters need the topic %q, a name that Kafka does not take: choose another group, or on_failure: stop",
				deadletter.Topic(topic, c.Group))
		}
		seen[topic] = true
	}
}
