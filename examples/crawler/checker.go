package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"sluice/examples/internal/example"
)

// checker holds what is in pages against the graph: each page that a crawl has
// to find is there exactly once and as it is, the pages of a host are in order,
// nothing else is there, and what nobody can read is a dead letter. What it
// remembers is bounded by the graph.
type checker struct {
	web    *web // which has the graph, and all that is wrong
	topics topics
	via    string // where the web is; set before the first record is taken

	mu      sync.Mutex
	fetched map[string]bool
	dead    map[string]bool
	foreign int64            // dead letters of what somebody else has put into the frontier
	last    map[string]int64 // the number of each host's last page
}

func newChecker(w *web, t topics) *checker {
	return &checker{
		web: w, topics: t,
		fetched: map[string]bool{}, dead: map[string]bool{}, last: map[string]int64{},
	}
}

// take takes a record of pages, or a dead letter. It never fails.
func (c *checker) take(e example.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Topic == c.topics.letters {
		c.takeLetter(e)
		return nil
	}
	where := fmt.Sprintf("%s/%d offset %d", e.Topic, e.Partition, e.Offset)
	var p page
	err := json.Unmarshal(e.Value, &p)
	where += ", " + strconv.Quote(p.URL)
	n := c.web.graph.nodes[p.URL]
	host, _, _ := strings.Cut(strings.TrimPrefix(p.URL, "http://"), "/")
	switch {
	case err != nil || n == nil || n.kind != kindPage:
		c.web.offences.add(where + ": is no page that is to be fetched")
		return nil
	case c.fetched[p.URL]:
		c.web.offences.add(where + ": is there twice")
	case e.Key != host:
		c.web.offences.add(where + ": is not under its host")
	case p.N != c.last[host]+1:
		c.web.offences.add(fmt.Sprintf("%s: is page %d of its host, and page %d was next", where, p.N, c.last[host]+1))
	}
	c.fetched[p.URL] = true
	c.last[host] = max(c.last[host], p.N)
	body := n.body(host)
	sum := sha256.Sum256(body)
	want := page{
		URL: p.URL, Title: n.name, Size: len(body), SHA256: hex.EncodeToString(sum[:]), Links: n.links,
		N: p.N, Millis: p.Millis, Refused: p.Refused, // The graph knows nothing of these.
	}
	if !reflect.DeepEqual(p, want) {
		c.web.offences.add(where + ": is not what the web has")
	}
	return nil
}

// takeLetter takes a dead letter, which is the task of a URL.
func (c *checker) takeLetter(e example.Event) {
	var t task
	err := json.Unmarshal(e.Value, &t)
	switch n := c.web.graph.nodes[t.URL]; {
	case err != nil || n == nil || t.Via != c.via:
		c.foreign++
	case n.kind == kindFails || n.kind == kindBroken:
		c.dead[t.URL] = true
	default:
		c.web.offences.add(strconv.Quote(t.URL) + " was given up, and can be read")
	}
}

// verdict is what has been found so far.
func (c *checker) verdict() example.Verdict {
	told := c.web.offences.told()
	pages, poison := c.web.graph.count[kindPage], c.web.graph.count[kindFails]+c.web.graph.count[kindBroken]
	c.mu.Lock()
	defer c.mu.Unlock()
	return example.Verdict{
		OK:       len(told) == 0,
		Complete: len(c.fetched) == pages && len(c.dead) == poison,
		Figures: []example.Figure{
			{Name: "pages", Value: int64(len(c.fetched))},
			{Name: "pages expected", Value: int64(pages)},
			{Name: "dead letters", Value: int64(len(c.dead))},
			{Name: "dead letters expected", Value: int64(poison)},
			{Name: "dead letters of others", Value: c.foreign},
			{Name: "requests", Value: c.web.requests.Load()},
			{Name: "asked to come later", Value: c.web.refused.Load()},
			{Name: "pages fetched again", Value: c.web.again.Load()},
			{Name: "impolite requests", Value: c.web.impolite.Load()},
		},
		Offences: told,
	}
}
