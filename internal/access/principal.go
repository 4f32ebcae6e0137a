// Package access says who sent a request and what that principal may do: API
// keys, tokens of an OpenID Connect issuer and client certificates, rights by
// topic, and limits; and it makes tickets and sessions of them for browsers. It
// knows nothing of endpoints, records and Kafka.
package access

import "sync/atomic"

// Right is what a principal may do with a topic.
type Right uint8

// The rights. Operate is to change what others depend on: offsets of a group,
// dead letters.
const (
	Read Right = 1 << iota
	Write
	Operate
)

// Principal is who sent a request. A nil *Principal is anybody, where no
// authentication is configured: it may everything and has no limits. There is
// one Principal for a name, however it has proved it, so that two keys of one
// name share its limits. All methods may be called at any time from any
// goroutine.
type Principal struct {
	name   string
	topics []string // patterns
	rights Right

	rate  *buckets // nil: no limit
	share int64    // of the in-flight budget, in bytes; 0: no limit
	held  atomic.Int64
}

// Name returns the principal's name, "" for nil.
func (p *Principal) Name() string {
	if p == nil {
		return ""
	}
	return p.name
}

// May reports whether the principal has all of the rights on the topic.
func (p *Principal) May(right Right, topic string) bool {
	if p == nil {
		return true
	}
	if p.rights&right != right {
		return false
	}
	for _, pattern := range p.topics {
		if matches(pattern, topic) {
			return true
		}
	}
	return false
}

// Hold takes bytes from the principal's share of the in-flight budget, and
// reports false, and takes nothing, when that is used up. What alone is larger
// than the share is let in while nothing else is held: it would otherwise be
// told to come back later for ever.
func (p *Principal) Hold(bytes int64) bool {
	if p == nil || p.share == 0 {
		return true
	}
	for {
		held := p.held.Load()
		if held > 0 && bytes > p.share-held {
			return false
		}
		if p.held.CompareAndSwap(held, held+bytes) {
			return true
		}
	}
}

// Free gives bytes back that Hold has taken, in one piece or in several.
func (p *Principal) Free(bytes int64) {
	if p != nil && p.share > 0 {
		p.held.Add(-bytes)
	}
}

// idle reports whether nothing would be lost if the principal were made anew.
func (p *Principal) idle() bool { return p.held.Load() == 0 && p.rate.full() }

// matches reports whether the topic is one of those that the pattern means:
// "*" stands for any run of characters, everything else for itself.
func matches(pattern, topic string) bool {
	// star is where the last "*" was, and from where in the topic the rest of
	// the pattern was last tried.
	star, from := -1, 0
	p, t := 0, 0
	for t < len(topic) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && pattern[p] == topic[t]:
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
