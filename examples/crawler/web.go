package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// web serves the graph, all of its hosts at one address. It counts what it was
// asked for, and tells what should not have been.
type web struct {
	graph *graph
	// pause is what its hosts want after a request, in whole milliseconds, so
	// that seconds with three digits say it.
	pause time.Duration
	hosts map[string]*virtualHost
	// offences are what its visitors should not have done, and what others find.
	offences offences

	served sync.Map // addresses of pages
	// again counts pages that were fetched for somebody who died, or lost its
	// partition, before the commit.
	requests, again, refused, impolite atomic.Int64
}

type virtualHost struct {
	number  int
	manners manners
}

func newWeb(g *graph, pause time.Duration) *web {
	w := &web{graph: g, pause: pause, hosts: map[string]*virtualHost{}}
	for h := range g.hosts {
		w.hosts[hostOf(h)] = &virtualHost{number: h}
	}
	return w
}

// ServeHTTP answers for the host of the request.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.Host, ":80")
	host := w.hosts[name]
	if host == nil {
		http.Error(rw, "this web has no host "+strconv.Quote(name), http.StatusBadGateway)
		return
	}
	w.requests.Add(1)
	before, offence := host.manners.enter()
	alone := w.pause
	defer func() { host.manners.leave(alone) }()
	if offence != "" {
		w.offend(name + " " + offence)
	}
	address := "http://" + name + r.URL.RequestURI()
	if forbidden(r.URL.EscapedPath()) {
		w.offend("asked for " + strconv.Quote(address) + ", which no crawler should")
	}
	n := w.graph.nodes[address]
	switch {
	case r.URL.Path == "/robots.txt":
		_, _ = fmt.Fprintf(rw, robotsTxt, w.pause.Seconds())
	case is(refusing, host.number) && before%128 >= 5 && before%128 <= 6:
		alone = time.Second
		w.refused.Add(1)
		rw.Header().Set("Retry-After", "1")
		http.Error(rw, "later", http.StatusServiceUnavailable)
	case n == nil:
		http.NotFound(rw, r)
	case is(slow, host.number) && sleep(r.Context(), w.pause) != nil: // The client has gone.
	default:
		w.answer(rw, name, address, n)
	}
}

func (w *web) offend(offence string) {
	w.impolite.Add(1)
	w.offences.add(offence)
}

// answer serves a node.
func (w *web) answer(rw http.ResponseWriter, host, address string, n *node) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch n.kind {
	case kindPage:
		if _, served := w.served.LoadOrStore(address, true); served {
			w.again.Add(1)
		}
		_, _ = rw.Write(n.body(host))
	case kindRedirect:
		rw.Header().Set("Location", spell(host, n.links[0], len(address)))
		rw.WriteHeader(http.StatusFound)
	case kindFails:
		http.Error(rw, "always", http.StatusInternalServerError)
	case kindBroken:
		rw.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(rw, "<title>That is not all")
	}
}
