package redrive

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"sluice/internal/access"
	"sluice/internal/deadletter"
)

// DefaultMaxReplays is how often a letter is redriven before the loop guard
// leaves it where it is.
const DefaultMaxReplays = 5

// maxMaxReplays keeps the count of replays far from where it would overflow.
const maxMaxReplays = 1_000_000

// Request says what to redrive. The zero value of a field, but for Group, is
// "all of them".
type Request struct {
	Group string `json:"-"`
	// Topic is that of the original records; all of the group's when empty.
	Topic string `json:"topic,omitempty"`
	// Since (included) and Until (not) bound the time of a letter's last
	// failure.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Key takes letters with exactly these bytes as their key. Nil is any key,
	// empty the empty one.
	Key   []byte           `json:"key_base64,omitzero"`
	Class deadletter.Class `json:"class,omitempty"`
	// Limit ends the run after so many letters.
	Limit int64 `json:"limit,omitempty"`
	// Rate is how many letters are redriven in a second, on average.
	Rate float64 `json:"rate,omitempty"`
	// MaxReplays leaves letters where they are that were redriven so often
	// before. Zero is DefaultMaxReplays.
	MaxReplays int `json:"max_replays"`
	// DryRun counts what would be redriven, at full speed, and writes nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// Caller is who wants something. May reports its rights on a topic; nil is
// somebody who may everything.
type Caller struct {
	Name string
	May  func(right access.Right, topic string) bool
}

func (c Caller) may(right access.Right, topic string) bool {
	return c.May == nil || c.May(right, topic)
}

// Kafka's names of topics; those of groups may have any character, but one that
// has dead letters is a part of a topic's name.
var (
	topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	groupName = topicName
)

// validate fills in the defaults, and returns an *InvalidError.
func (q *Request) validate() error {
	invalid := func(field, format string, args ...any) error {
		return &InvalidError{field, fmt.Sprintf(format, args...)}
	}
	if q.MaxReplays == 0 {
		q.MaxReplays = DefaultMaxReplays
	}
	switch {
	case !groupName.MatchString(q.Group):
		return fmt.Errorf("%w: group %q can have none, because its name cannot be a part of a topic's", ErrNoLetters, q.Group)
	case q.Topic != "" && !topicName.MatchString(q.Topic):
		return invalid("topic", "%q is not a topic's name", q.Topic)
	case !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until):
		return invalid("until", "has to be later than since")
	case q.Class != "" && !slices.Contains(deadletter.Classes, q.Class):
		return invalid("class", "%q is none of %v", q.Class, deadletter.Classes)
	case q.Limit < 0:
		return invalid("limit", "has to be positive")
	case math.IsNaN(q.Rate) || q.Rate < 0 || q.Rate > 0 && q.Rate < 0.001 || q.Rate > 1_000_000:
		return invalid("rate", "has to be between 0.001 and 1000000 letters a second")
	case q.MaxReplays < 1 || q.MaxReplays > maxMaxReplays:
		return invalid("max_replays", "has to be between 1 and %d", maxMaxReplays)
	}
	return nil
}
