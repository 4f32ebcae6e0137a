package consumer

import (
	"errors"
	"fmt"
	"regexp"
	"time"
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

// Config are the settings of one handler and its group.
type Config struct {
	Name   string   `yaml:"name" help:"Name of the handler in logs and metrics."`
	Topics []string `yaml:"topics" help:"Topics to read."`
	Group  string   `yaml:"group" help:"Consumer group; members of one group share the partitions."`
	Start  Start    `yaml:"start" help:"Where a group without offsets begins: earliest or latest."`
	// SessionTimeout is how long a member that died keeps its partitions,
	// before the group gives them to the others: 45s when zero. Kafka allows
	// 6s to 30m by default.
	SessionTimeout time.Duration `yaml:"session_timeout,omitempty"`
}

// defaultSessionTimeout is Kafka's own.
const defaultSessionTimeout = 45 * time.Second

// DefaultConfig is the log handler of the original system.
func DefaultConfig() Config {
	return Config{
		Name:   "log",
		Topics: []string{"test-topic"},
		Group:  "my-fastapi-consumer-group",
		Start:  StartEarliest,
	}
}

// topicName is what Kafka takes as a topic's name.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate checks the settings. Its errors name the handler and the setting.
// An empty Start is StartEarliest.
func (c Config) Validate() error {
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
	if len(c.Topics) == 0 {
		bad("topics", "at least one is needed")
	}
	seen := map[string]bool{}
	for _, topic := range c.Topics {
		switch {
		case !topicName.MatchString(topic) || topic == "." || topic == "..":
			bad("topics", "%q is not a topic's name", topic)
		case seen[topic]:
			bad("topics", "%s is named twice", topic)
		}
		seen[topic] = true
	}
	switch c.Start {
	case "", StartEarliest, StartLatest:
	default:
		bad("start", "%q is neither earliest nor latest", c.Start)
	}
	if c.SessionTimeout != 0 && (c.SessionTimeout < 6*time.Second || c.SessionTimeout > 30*time.Minute) {
		bad("session_timeout", "%s is not between 6s and 30m", c.SessionTimeout)
	}
	return errors.Join(errs...)
}
