package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"sluice/examples/internal/example"
)

// checker holds what is in pages against the graph: each page that a crawl has
// to find is there exactly once and as it is, the pages of a host are in order,
// nothing else is there, and what nobody can read is a dead letter. What it
// remembers is bounded by the graph.
type checker struct {
	graph    *graph
	web      *web
	pages    map[string]*node
	poison   map[string]bool
	offences *offences // with those of the web's visitors

	mu      sync.Mutex
	fetched map[string]bool
	dead    map[string]bool  // those of poison that are dead letters
	accused map[string]bool  // those that are, and should not be
	foreign int64            // dead letters of what somebody else has put into the frontier
	last    map[string]int64 // the number of each host's last page
	found   map[string]bool
	links   int64
}

func newChecker(g *graph, w *web) *checker {
	c := &checker{
		graph: g, web: w, offences: &w.offences,
		fetched: map[string]bool{}, dead: map[string]bool{}, accused: map[string]bool{}, last: map[string]int64{}, found: map[string]bool{},
	}
	c.pages, c.poison = g.truth()
	for _, seed := range g.seeds() {
		c.found[seed] = true
	}
	return c
}

// take takes a record of pages.
func (c *checker) take(e example.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := fmt.Sprintf("%s/%d offset %d", e.Topic, e.Partition, e.Offset)
	var p page
	if err := json.Unmarshal(e.Value, &p); err != nil {
		c.offences.add(where + ": no page: " + err.Error())
		return
	}
	where += ", " + strconv.Quote(p.URL)
	n := c.pages[p.URL]
	if n == nil {
		c.offences.add(where + ": is not to be fetched, or not there")
		return
	}
	if c.fetched[p.URL] {
		c.offences.add(where + ": is there twice")
	}
	c.fetched[p.URL] = true
	if host := hostOf(n.host); e.Key != host || p.Host != host {
		c.offences.add(where + ": is not under its host")
	} else {
		if want := c.last[host] + 1; p.N != want {
			c.offences.add(fmt.Sprintf("%s: is page %d of its host, and page %d was next", where, p.N, want))
		}
		c.last[host] = max(c.last[host], p.N)
	}
	body := c.graph.body(p.URL, n)
	sum := sha256.Sum256(body)
	if p.Status != 200 || p.Title != n.name || p.Size != len(body) || p.SHA256 != hex.EncodeToString(sum[:]) {
		c.offences.add(where + ": is not what the web has")
	}
	if !slices.Equal(p.Links, n.distinct()) {
		c.offences.add(where + ": has other links than the web")
	}
	for _, link := range n.distinct() {
		c.links++
		c.found[link] = true
	}
}

// deadLetters takes the URLs of all dead letters, "" for one of somebody else's.
func (c *checker) deadLetters(urls []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.foreign = 0
	for _, url := range urls {
		switch {
		case c.graph.nodes[url] == nil:
			c.foreign++
		case c.poison[url]:
			c.dead[url] = true
		case !c.accused[url]:
			c.accused[url] = true
			c.offences.add(strconv.Quote(url) + " was given up, and can be read")
		}
	}
}

// verdict is what has been found so far.
func (c *checker) verdict() example.Verdict {
	web := c.web.totals()
	told, wrong := c.offences.told()
	c.mu.Lock()
	defer c.mu.Unlock()
	seeds := int64(len(c.graph.seeds()))
	return example.Verdict{
		OK:       wrong == 0,
		Complete: len(c.fetched) == len(c.pages) && len(c.dead) == len(c.poison),
		Figures: []example.Figure{
			{Name: "pages", Value: int64(len(c.fetched))},
			{Name: "pages expected", Value: int64(len(c.pages))},
			{Name: "duplicates avoided", Value: c.links + seeds - int64(len(c.found))},
			{Name: "dead letters", Value: int64(len(c.dead))},
			{Name: "dead letters expected", Value: int64(len(c.poison))},
			{Name: "dead letters of others", Value: c.foreign},
			{Name: "requests", Value: web.requests},
			{Name: "asked to come later", Value: web.refused},
			{Name: "pages fetched again", Value: web.again},
			{Name: "impolite requests", Value: web.impolite},
		},
		Offences: told,
	}
}
