package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// kind is how the web answers for a URL.
type kind int

const (
	kindPage kind = iota
	kindRedirect
	kindFails    // 500, always
	kindEndless  // a body without an end
	kindGarbled  // text that is not UTF-8
	kindTooShort // a body shorter than its Content-Length
)

// node is a URL of the web.
type node struct {
	kind kind
	host int
	name string // the page's title
	// links are what the page links to, or a redirect leads to: addresses as
	// they are when all spellings are undone, some of them twice.
	links []string
}

// graph is the web that is crawled: the same pages, links and traps for the
// same numbers. It knows the address of everything without reading a URL, so
// that it is a judge of whoever does.
type graph struct {
	hosts, perHost int
	seed           uint64
	nodes          map[string]*node // by address
}

// newGraph makes a web of so many pages on so many hosts, and some more in its
// corners.
func newGraph(hosts, pages int, seed uint64) *graph {
	g := &graph{hosts: hosts, perHost: max(1, pages/hosts), seed: seed, nodes: map[string]*node{}}
	for h := range hosts {
		for i := range g.perHost {
			g.addPage(h, i)
		}
		g.addCorners(h)
	}
	return g
}

// is reports whether a host has a peculiarity, which one host of ten has.
func is(peculiarity, host int) bool { return host%10 == peculiarity }

// The peculiarities of hosts.
const (
	patient   = 2 // wants longer pauses
	labyrinth = 3 // has directories without an end
	slow      = 4 // takes its time
	refusing  = 6 // asks to come again later, now and then
	poisoned  = 7 // has pages that nobody can read
)

func hostOf(h int) string { return fmt.Sprintf("h%03d.%s", h, scope) }

// pageOf is the address of a page, of which the first is a host's root.
func (g *graph) pageOf(h, i int) string {
	base := "http://" + hostOf(h)
	switch n := strconv.Itoa(i); {
	case i == 0:
		return base + "/"
	case i%4 == 1:
		return base + "/docs/part-" + strconv.Itoa(i/16) + "/" + n + ".html"
	case i%4 == 2:
		return base + "/caf%C3%A9/~" + n
	case i%4 == 3:
		return base + "/list?id=" + n + "&order=a%26b"
	default:
		return base + "/a%2Fb/" + n
	}
}

// addPage adds a page with the links to its children, in a tree of the host, so
// that every page can be reached; some by a redirect, or by two. Others lead
// anywhere, and most to what was found before.
func (g *graph) addPage(h, i int) {
	n := &node{host: h, name: fmt.Sprintf("Page %d of host %d", i, h)}
	for child := 3*i + 1; child <= 3*i+3 && child < g.perHost; child++ {
		to, base := g.pageOf(h, child), "http://"+hostOf(h)+"/go/"+strconv.Itoa(child)
		switch child % 11 {
		case 5:
			g.redirect(h, base, base+"/on")
			g.redirect(h, base+"/on", to)
			to = base
		case 8:
			g.redirect(h, base, to)
			to = base
		}
		n.links = append(n.links, to)
	}
	if i == 0 {
		for other := 4*h + 1; other <= 4*h+4 && other < g.hosts; other++ {
			n.links = append(n.links, g.pageOf(other, 0))
		}
	}
	dice := g.random(h, i)
	for range 2 {
		n.links = append(n.links, g.pageOf(dice.IntN(g.hosts), dice.IntN(g.perHost)))
	}
	if len(n.links) > 0 {
		n.links = append(n.links, n.links[0]) // In another spelling, as a rule.
	}
	g.nodes[g.pageOf(h, i)] = n
}

// addCorners adds what a crawler stumbles over, and links it from the host's
// root.
func (g *graph) addCorners(h int) {
	base := "http://" + hostOf(h)
	g.redirect(h, base+"/loop/a", base+"/loop/b")
	g.redirect(h, base+"/loop/b", base+"/loop/a")
	g.nodes[base+"/private/open/hours"] = &node{host: h, name: "Hours", links: []string{base + "/private/prices"}}
	corners := []string{base + "/loop/a", base + "/private/open/hours", base + "/private/secret", base + "/calendar/2026/11", base + "/missing"}
	if is(labyrinth, h) {
		corners = append(corners, base+"/rooms/next")
		for i := range deepest - 1 {
			room := base + "/rooms" + strings.Repeat("/next", i+1)
			g.nodes[room] = &node{host: h, name: fmt.Sprintf("Room %d", i+1), links: []string{room + "/next"}}
		}
	}
	if is(poisoned, h) {
		for i, k := range []kind{kindFails, kindEndless, kindGarbled, kindTooShort} {
			poison := base + "/poison/" + strconv.Itoa(i)
			g.nodes[poison] = &node{host: h, kind: k}
			corners = append(corners, poison)
		}
	}
	root := g.nodes[g.pageOf(h, 0)]
	root.links = append(root.links, corners...)
}

func (g *graph) redirect(h int, from, to string) {
	g.nodes[from] = &node{host: h, kind: kindRedirect, links: []string{to}}
}

// random returns the numbers of a page, the same each time.
func (g *graph) random(h, i int) *rand.Rand {
	return rand.New(rand.NewPCG(g.seed, uint64(h)<<32|uint64(i))) //nolint:gosec // G115, G404: neither is negative, and nobody is to be kept from guessing.
}

// seeds are where the crawl begins: some hosts. Every other one can be reached
// from the first.
func (g *graph) seeds() (urls []string) {
	for h := 0; h < g.hosts; h += max(1, g.hosts/8) {
		urls = append(urls, g.pageOf(h, 0))
	}
	return urls
}

// forbidden reports whether the robots.txt of every host forbids an address.
func forbidden(url string) bool {
	_, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	return strings.HasPrefix(path, "calendar/") || (strings.HasPrefix(path, "private/") && !strings.HasPrefix(path, "private/open/"))
}

// robotsOf is a host's robots.txt. The pause is in seconds.
func robotsOf(pause float64) string {
	return fmt.Sprintf("# Robots are welcome, within reason.\nUser-agent: *\nCrawl-delay: %g\nDisallow: /private/ # no\nAllow: /private/open/\nDisallow: /calendar/\n", pause)
}

// truth is what a crawl has to find, and all that it may find: the pages that
// can be reached without breaking a rule, and those that nobody can read.
func (g *graph) truth() (pages map[string]*node, poison map[string]bool) {
	pages, poison = map[string]*node{}, map[string]bool{}
	found := map[string]bool{}
	for queue := g.seeds(); len(queue) > 0; {
		url := queue[0]
		queue = queue[1:]
		n := g.nodes[url]
		if found[url] || n == nil || forbidden(url) {
			continue
		}
		found[url] = true
		switch n.kind {
		case kindPage:
			pages[url] = n
		case kindRedirect:
		default:
			poison[url] = true
		}
		queue = append(queue, n.links...)
	}
	return pages, poison
}

// distinct are a node's links, each once, in their order.
func (n *node) distinct() []string {
	var links []string
	for _, link := range n.links {
		if !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links
}
