package live

import (
	"slices"
	"strings"

	"sluice/internal/access"
)

// Policy says which topics may be streamed at all. The zero value is none.
type Policy struct {
	// Patterns name topics; "*" stands for any run of characters. A pattern
	// with one never means Kafka's own topics, which begin with two
	// underscores, nor ours: dead letters, retries and receipts of redrives.
	Patterns []string
}

// Allows reports whether a topic may be streamed.
func (p Policy) Allows(topic string) bool {
	if slices.Contains(p.Patterns, topic) {
		return true
	}
	if strings.HasPrefix(topic, "__") {
		return false
	}
	for _, suffix := range []string{".dlq", ".retry", ".redrives"} {
		if strings.HasSuffix(topic, suffix) {
			return false
		}
	}
	return slices.ContainsFunc(p.Patterns, func(pattern string) bool { return access.Matches(pattern, topic) })
}
