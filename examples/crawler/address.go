package main

import (
	"errors"
	"fmt"
	"maps"
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
	// dots undoes their escapes: an encoded dot is a dot, and makes a dot segment.
	dots = strings.NewReplacer("%2e", ".", "%2E", ".")
)

// address is a URL in the one spelling that all of its spellings have in common
// (RFC 3986, 6.2): a page is seen or not by its address.
type address struct {
	// host is lower case and has no port: only the default one is in scope.
	host string
	// path has no dot segments, and query no tracking parameters and an order of
	// its own. Both are escaped as net/url does it.
	path, query string
}

// parseAddress reads a link of a page, or an absolute URL where base is zero. A
// link that leads out of the web is errOutOfScope.
func parseAddress(base address, link string) (address, error) {
	from, err := url.Parse(base.String())
	if err != nil {
		return address{}, err
	}
	u, err := from.Parse(dots.Replace(strings.TrimSpace(link)))
	if err != nil {
		return address{}, err
	}
	a := address{host: strings.ToLower(u.Hostname())}
	if u.Scheme != "http" || u.User != nil || (u.Port() != "" && u.Port() != "80") || !hostName.MatchString(a.host) {
		return address{}, errOutOfScope
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return address{}, err
		}
		segments[i] = url.PathEscape(plain)
	}
	if a.path = strings.Join(segments, "/"); a.path == "" {
		a.path = "/"
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return address{}, err
	}
	maps.DeleteFunc(parameters, func(name string, _ []string) bool {
		return strings.HasPrefix(strings.ToLower(name), "utm_") // It says where a visitor came from.
	})
	a.query = parameters.Encode()
	if n := len(a.String()); n > longestURL {
		return address{}, fmt.Errorf("a URL of %d bytes is longer than %d", n, longestURL)
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
