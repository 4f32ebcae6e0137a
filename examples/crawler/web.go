package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// web serves the graph: a proxy for all of its hosts, to which a client sends
// whole URLs. It counts what it was asked for, and tells what should not have
// been.
type web struct {
	graph *graph
	// pause is what most hosts want after a request.
	pause   time.Duration
	manners manners
	// offences are what its visitors should not have done, and what others find.
	offences offences

	mu     sync.Mutex
	served map[string]int // answers by address
	counts webCounts
}

// webCounts are totals since the start. A page that was asked for again was
// fetched for somebody who died, or lost its partition, before the commit.
type webCounts struct{ requests, again, refused, impolite int64 }

func newWeb(g *graph, pause time.Duration) *web {
	return &web{graph: g, pause: pause, served: map[string]int{}}
}

func (w *web) totals() webCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

// pauseOf is what a host wants: a multiple of a millisecond, so that seconds
// with three digits say it.
func (w *web) pauseOf(host int) time.Duration {
	if is(patient, host) {
		return 2 * w.pause
	}
	return w.pause
}

// ServeHTTP answers for the host of the request's URL.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	host, ok := w.hostOf(r.Host)
	if !ok {
		http.Error(rw, "this web has no host "+strconv.Quote(r.Host), http.StatusBadGateway)
		return
	}
	leave, before, offence := w.manners.enter(r.Context(), host, w.pauseOf(host))
	var alone time.Duration
	defer func() { leave(alone) }()
	if offence != "" {
		w.offend(offence)
	}
	address := "http://" + hostOf(host) + r.URL.RequestURI()
	robots := r.URL.Path == "/robots.txt"
	n := w.graph.nodes[address]
	w.count(func(c *webCounts) { c.requests++ })
	if forbidden(address) || strings.Count(r.URL.EscapedPath(), "/") > deepest {
		w.offend("asked for " + strconv.Quote(address) + ", which no crawler should")
	}
	switch {
	case robots:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(rw, robotsOf(w.pauseOf(host).Seconds()))
	case is(refusing, host) && before%128 >= 5 && before%128 <= 6:
		alone = time.Second
		w.refuse(rw, before)
	case n == nil && strings.HasPrefix(r.URL.Path, "/calendar/"):
		w.calendar(rw, r.URL.Path)
	case n == nil:
		http.NotFound(rw, r)
	default:
		if is(slow, host) && !w.linger(r, w.pause) {
			return
		}
		w.answer(rw, r, address, n)
	}
}

// hostOf finds the host of a request.
func (w *web) hostOf(name string) (int, bool) {
	var host int
	_, err := fmt.Sscanf(name, "h%d.", &host)
	return host, err == nil && host >= 0 && host < w.graph.hosts && hostOf(host) == strings.TrimSuffix(name, ":80")
}

func (w *web) count(how func(*webCounts)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how(&w.counts)
}

func (w *web) offend(offence string) {
	w.count(func(c *webCounts) { c.impolite++ })
	w.offences.add(offence)
}

// refuse says that the host wants to be left alone for a second.
func (w *web) refuse(rw http.ResponseWriter, before int) {
	w.count(func(c *webCounts) { c.refused++ })
	rw.Header().Set("Retry-After", "1")
	status := http.StatusServiceUnavailable
	if before%2 == 0 {
		status = http.StatusTooManyRequests
	}
	http.Error(rw, "later", status)
}

// linger takes its time, or reports false when the client has gone.
func (w *web) linger(r *http.Request, d time.Duration) bool { return sleep(r.Context(), d) == nil }

// answer serves a node.
func (w *web) answer(rw http.ResponseWriter, r *http.Request, address string, n *node) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch n.kind {
	case kindPage:
		w.count(func(c *webCounts) {
			if w.served[address]++; w.served[address] > 1 {
				c.again++
			}
		})
		_, _ = rw.Write(w.graph.body(address, n))
	case kindRedirect:
		rw.Header().Set("Location", spell(address, n.links[0], len(address)))
		rw.WriteHeader(http.StatusFound)
	case kindFails:
		http.Error(rw, "always", http.StatusInternalServerError)
	case kindGarbled:
		_, _ = io.WriteString(rw, "<title>\xff\xfe\xfd</title>")
	case kindTooShort:
		rw.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(rw, "<title>That is not all")
	case kindEndless:
		line := bytes.Repeat([]byte("<p>and so on</p>\n"), 512)
		for r.Context().Err() == nil {
			if _, err := rw.Write(line); err != nil {
				return
			}
		}
	}
}

// calendar is a page for each month that links to the next one, for ever.
func (w *web) calendar(rw http.ResponseWriter, path string) {
	var year, month int
	_, _ = fmt.Sscanf(path, "/calendar/%d/%d", &year, &month) // Else it is the year 0.
	month++
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(rw, "<title>%d</title><a href=\"/calendar/%d/%d\">next</a>", year, year+month/13, 1+(month-1)%12)
}
