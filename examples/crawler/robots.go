package main

import (
	"strconv"
	"strings"
	"time"
)

const (
	// agent is the crawler's name, in its requests and in robots.txt.
	agent = "sluice-crawler"
	// longestDelay is the longest Crawl-delay that is obeyed. A host that asks
	// for more is not crawled at all: to come too soon is no answer.
	longestDelay = time.Second
	// shortestDelay is that of a host that asks for none.
	shortestDelay = 20 * time.Millisecond
	// mostRules bounds what a robots.txt can make the crawler remember.
	mostRules = 500
)

// robots is what a host's robots.txt says to this crawler (RFC 9309). It is kept
// in the table of what was seen.
type robots struct {
	Rules []rule `json:"rules"`
	// Delay is how long to leave the host alone after a request.
	Delay time.Duration `json:"delay_ns"`
}

type rule struct {
	Path  string `json:"path"`
	Allow bool   `json:"allow"`
}

// parseRobots reads a robots.txt. What makes no sense in it is passed over, as
// the standard asks.
func parseRobots(text string) robots {
	groups := map[string]*robots{}
	var current []*robots
	named := false // whether the line before named an agent
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		field, value, ok := strings.Cut(line, ":")
		field, value = strings.ToLower(strings.TrimSpace(field)), strings.TrimSpace(value)
		switch {
		case !ok:
		case field == "user-agent":
			if !named {
				current = nil
			}
			name := strings.ToLower(value)
			if groups[name] == nil {
				groups[name] = &robots{}
			}
			current, named = append(current, groups[name]), true
		default:
			named = false
			for _, g := range current {
				g.add(field, value)
			}
		}
	}
	for _, name := range []string{agent, "*"} {
		if g := groups[name]; g != nil {
			return g.bounded()
		}
	}
	return robots{Delay: shortestDelay}
}

func (r *robots) add(field, value string) {
	switch field {
	case "allow", "disallow":
		if value != "" && len(r.Rules) < mostRules {
			r.Rules = append(r.Rules, rule{Path: normalPattern(value), Allow: field == "allow"})
		}
	case "crawl-delay":
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
			// A day is as good as any longer time, and fits.
			r.Delay = time.Duration(min(seconds, 86400) * float64(time.Second))
		}
	}
}

func (r *robots) bounded() robots {
	r.Delay = max(r.Delay, shortestDelay)
	if r.Delay > longestDelay {
		return robots{Rules: []rule{{Path: "/"}}, Delay: longestDelay}
	}
	return *r
}

// allow reports whether the path, with its query, may be fetched: the longest
// rule that matches decides, and of two the one that allows.
func (r *robots) allow(request string) bool {
	longest, allowed := -1, true
	for _, rule := range r.Rules {
		if n := len(rule.Path); (n > longest || n == longest && rule.Allow) && matches(rule.Path, request) {
			longest, allowed = n, rule.Allow
		}
	}
	return allowed
}

// matches reports whether a pattern, in which * is any text and a $ at its end
// the end, matches the beginning of a path. It takes the first place for each
// part, so that a pattern full of stars costs no more than another.
func matches(pattern, path string) bool {
	pattern, anchored := strings.CutSuffix(pattern, "$")
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	if len(parts) == 1 {
		return !anchored || rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	if anchored {
		return strings.HasSuffix(rest, parts[last])
	}
	return strings.Contains(rest, parts[last])
}

// normalPattern writes a rule's path as addresses are written.
func normalPattern(path string) string {
	path, anchored := strings.CutSuffix(path, "$")
	if path = normalEscapes(path); anchored {
		return path + "$"
	}
	return path
}
