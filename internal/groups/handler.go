package groups

import (
	"strings"
	"time"

	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/deadletter"
)

// Handler is a handler of this program, and the group that it is in.
type Handler struct {
	Name, Group string
	Topics      []string
	// FromEnd says that the group starts at the latest record.
	FromEnd bool
	// StuckAfter is how long a partition may have records and make no progress
	// before the watchdog reports it; zero means 5 minutes.
	StuckAfter time.Duration
	// Member is this program's member of the group; nil for none.
	Member interface{ Status() consumer.Status }
}

func (h Handler) question() Question {
	return Question{Group: h.Group, Topics: h.Topics, FromEnd: h.FromEnd}
}

// mayRead reports whether a principal may see a group of these topics. The
// topic of a group's redriven dead letters needs the right that the topic has
// which they came from. A group without topics holds nothing that a right could
// be given for, and is shown to who may read everything.
func mayRead(p *access.Principal, group string, topics []string) bool {
	if len(topics) == 0 {
		return p.May(access.Read, "*")
	}
	for _, topic := range topics {
		if !p.May(access.Read, source(topic, group)) {
			return false
		}
	}
	return true
}

// source returns the topic that a topic of redriven dead letters belongs to,
// and any other as it is.
func source(topic, group string) string {
	if before, ok := strings.CutSuffix(topic, deadletter.Retry("", group)); ok && before != "" {
		return before
	}
	return topic
}
