package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// scope is the domain that the crawler keeps to. The name is reserved for tests
// (RFC 6761), so that nothing of it is ever asked of a name server.
const scope = "web.test"

// longestURL bounds what a page can make the crawler remember.
const longestURL = 2000

var (
	errOutOfScope = errors.New("the URL is not of the web that is crawled")
	hostName      = regexp.MustCompile(`^([a-z0-9-]{1,63}\.)+web\.test$`)
)

// address is a URL in the one spelling that all of its spellings have in common
// (RFC 3986, 6.2): a page is seen or not by its address.
type address struct {
	// host is lower case and has no port: only the default one is in scope.
	host string
	// path has no dot segments, and query no tracking parameters. In both, only
	// what has to be is percent-encoded, in upper case.
	path, query string
}

// parseAddress reads a link of a page, or an absolute URL where base is nil. A
// link that leads out of the web is errOutOfScope.
func parseAddress(base *address, link string) (address, error) {
	link = strings.TrimSpace(link)
	if len(link) > longestURL {
		return address{}, fmt.Errorf("a URL of %d bytes is longer than %d", len(link), longestURL)
	}
	ref, err := url.Parse(link)
	if err != nil {
		return address{}, err
	}
	if ref.Opaque != "" { // mailto:, javascript:
		return address{}, errOutOfScope
	}
	// Escapes first: an encoded dot is a dot, and makes a dot segment.
	ref.RawPath = normalEscapes(ref.EscapedPath())
	if ref.Path, err = url.PathUnescape(ref.RawPath); err != nil {
		return address{}, err
	}
	from := &url.URL{}
	if base != nil {
		from = base.url()
	}
	u := from.ResolveReference(ref)
	a := address{host: strings.ToLower(u.Hostname()), path: u.EscapedPath(), query: withoutTracking(u.RawQuery)}
	if u.Scheme != "http" || u.User != nil || (u.Port() != "" && u.Port() != "80") || !hostName.MatchString(a.host) {
		return address{}, errOutOfScope
	}
	if a.path == "" {
		a.path = "/"
	}
	return a, nil
}

// String returns the URL.
func (a address) String() string { return "http://" + a.host + a.request() }

// request returns the path with the query, which robots.txt speaks of.
func (a address) request() string {
	if a.query == "" {
		return a.path
	}
	return a.path + "?" + a.query
}

// depth is how many segments the path has. It limits traps: it is the address's
// own, while how many links led there depends on who came first.
func (a address) depth() int { return strings.Count(strings.TrimSuffix(a.path, "/"), "/") }

func (a address) url() *url.URL {
	u := &url.URL{Scheme: "http", Host: a.host, Path: a.path, RawPath: a.path, RawQuery: a.query}
	if plain, err := url.PathUnescape(a.path); err == nil { // It always is: parseAddress made it.
		u.Path = plain
	}
	return u
}

// withoutTracking takes the parameters off that say where a visitor came from.
func withoutTracking(query string) string {
	var kept []string
	for parameter := range strings.SplitSeq(query, "&") {
		parameter = normalEscapes(parameter)
		if parameter != "" && !strings.HasPrefix(strings.ToLower(parameter), "utm_") {
			kept = append(kept, parameter)
		}
	}
	return strings.Join(kept, "&")
}

// normalEscapes percent-encodes what has to be and nothing else, in upper case.
func normalEscapes(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, escaped := s[i], false
		if c == '%' && i+2 < len(s) {
			high, low := strings.IndexByte(hex, upper(s[i+1])), strings.IndexByte(hex, upper(s[i+2]))
			if escaped = high >= 0 && low >= 0; escaped {
				c = byte(high<<4 | low) //nolint:gosec // G115: both are below 16.
				i += 2
			}
		}
		if unreserved(c) || (!escaped && strings.IndexByte(":/?@!$&'()*+,;=", c) >= 0) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

// unreserved are the characters that mean the same whether encoded or not (RFC
// 3986, 2.3).
func unreserved(c byte) bool {
	u := upper(c)
	return 'A' <= u && u <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
