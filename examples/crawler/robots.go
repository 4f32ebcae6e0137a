package main

import (
	"net/url"
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

// robots is what a host's robots.txt says to this crawler (RFC 9309).
type robots struct {
	rules []rule
	// delay is how long to leave the host alone after a request.
	delay time.Duration
}

// rule is about the paths that begin with one, without escapes.
type rule struct {
	path  string
	allow bool
}

// parseRobots reads a robots.txt. What makes no sense in it is passed over, as
// the standard asks. The groups of the crawler's own name count, or else those
// of any.
func parseRobots(text string) *robots {
	r, named := parseGroups(text, agent)
	if !named {
		r, _ = parseGroups(text, "*")
	}
	r.delay = max(r.delay, shortestDelay)
	if r.delay > longestDelay {
		return &robots{rules: []rule{{path: "/"}}, delay: longestDelay}
	}
	return r
}

// parseGroups reads the groups of one name, and reports whether there are any.
func parseGroups(text, name string) (r *robots, named bool) {
	r = &robots{}
	mine, names := false, false // the group is of that name; its names may go on
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		field, value, ok := strings.Cut(line, ":")
		field, value = strings.ToLower(strings.TrimSpace(field)), strings.TrimSpace(value)
		if field == "user-agent" {
			mine = strings.EqualFold(value, name) || (mine && names)
			names, named = true, named || mine
			continue
		}
		names = names && !ok
		if mine {
			r.add(field, value)
		}
	}
	return r, named
}

func (r *robots) add(field, value string) {
	switch field {
	case "allow", "disallow":
		if value != "" && len(r.rules) < mostRules {
			r.rules = append(r.rules, rule{path: unescaped(value), allow: field == "allow"})
		}
	case "crawl-delay":
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
			// A day is as good as any longer time, and fits.
			r.delay = time.Duration(min(seconds, 86400) * float64(time.Second))
		}
	}
}

// allow reports whether the path, with its query, may be fetched: the longest
// rule that matches decides, and of two the one that allows.
func (r *robots) allow(request string) bool {
	request = unescaped(request)
	longest, allowed := -1, true
	for _, rule := range r.rules {
		if n := len(rule.path); (n > longest || n == longest && rule.allow) && matches(rule.path, request) {
			longest, allowed = n, rule.allow
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
	for i, part := range parts {
		at := strings.Index(path, part)
		if anchored && i == len(parts)-1 {
			at = strings.LastIndex(path, part)
		}
		if at < 0 || (i == 0 && at > 0) {
			return false
		}
		path = path[at+len(part):]
	}
	return !anchored || path == ""
}

// unescaped undoes percent-encoding, where it is whole: what a rule says does not
// depend on how it is spelled.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
