package main

import (
	"fmt"
	"html"
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is how the web answers for a URL.
type kind int

const (
	kindPage kind = iota
	kindRedirect
	kindFails  // 500, always
	kindBroken // a body shorter than its Content-Length
)

// node is a URL of the web.
type node struct {
	kind kind
	name string // the page's title
	// links are what the page links to, or a redirect leads to, each once:
	// addresses as they are when all spellings are undone.
	links []string
}

func (n *node) link(to string) {
	if !slices.Contains(n.links, to) {
		n.links = append(n.links, to)
	}
}

// graph is the web that is crawled: the same pages, links and traps for the same
// numbers. It knows the address of everything without reading a URL, so that it
// is a judge of whoever does. Each node can be reached from its first page, and
// none is forbidden: the nodes are what a crawl has to find.
type graph struct {
	hosts, perHost int
	nodes          map[string]*node // by address
	count          map[kind]int     // of nodes
}

// newGraph makes a web of so many pages on so many hosts, and some more in its
// corners.
func newGraph(hosts, pages int) *graph {
	g := &graph{hosts: hosts, perHost: max(1, pages/hosts), nodes: map[string]*node{}, count: map[kind]int{}}
	dice := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // G404: nobody is to be kept from guessing.
	for h := range hosts {
		for i := range g.perHost {
			g.addPage(h, i, dice)
		}
		g.addCorners(h)
	}
	for _, n := range g.nodes {
		g.count[n.kind]++
	}
	return g
}

// is reports whether a host has a peculiarity, which one host of ten has.
func is(peculiarity, host int) bool { return host%10 == peculiarity }

// The peculiarities of hosts.
const (
	slow     = 4 // takes its time
	refusing = 6 // asks to come again later, now and then
	poisoned = 7 // has pages that nobody can read
)

func hostOf(h int) string { return fmt.Sprintf("h%03d.%s", h, scope) }

// pageOf is the address of a page, of which the first is a host's root.
func pageOf(h, i int) string {
	base := "http://" + hostOf(h)
	switch {
	case i == 0:
		return base + "/"
	case i%3 == 1:
		return fmt.Sprintf("%s/docs/part-%d/%d.html", base, i/16, i)
	case i%3 == 2:
		return fmt.Sprintf("%s/caf%%C3%%A9%%2F/~%d", base, i)
	default:
		return fmt.Sprintf("%s/list?id=%d&order=a%%26b", base, i)
	}
}

// addPage adds a page with the links to its children, in a tree of the host, and
// from its root to other hosts, in another tree, so that every page can be
// reached; some by two redirects. Others lead anywhere, and most to what was
// found before.
func (g *graph) addPage(h, i int, dice *rand.Rand) {
	n := &node{name: fmt.Sprintf("Page %d of host %d", i, h)}
	for child := 3*i + 1; child <= 3*i+3 && child < g.perHost; child++ {
		to := pageOf(h, child)
		if child%5 == 2 {
			moved := fmt.Sprintf("http://%s/go/%d", hostOf(h), child)
			g.redirect(moved, moved+"/on")
			g.redirect(moved+"/on", to)
			to = moved
		}
		n.link(to)
	}
	for other := 4*h + 1; i == 0 && other <= 4*h+4 && other < g.hosts; other++ {
		n.link(pageOf(other, 0))
	}
	for range 2 {
		n.link(pageOf(dice.IntN(g.hosts), dice.IntN(g.perHost)))
	}
	g.nodes[pageOf(h, i)] = n
}

// addCorners adds what a crawler stumbles over, and links it from the host's
// root: redirects in a circle, rules that have exceptions, directories without
// an end, and poison.
func (g *graph) addCorners(h int) {
	base := "http://" + hostOf(h)
	root := g.nodes[pageOf(h, 0)]
	g.redirect(base+"/loop/a", base+"/loop/b")
	g.redirect(base+"/loop/b", base+"/loop/a")
	g.nodes[base+"/private/open/hours"] = &node{name: "Hours", links: []string{base + "/private/prices"}}
	for _, corner := range []string{"/loop/a", "/private/open/hours", "/private/secret", "/missing", "/rooms/next"} {
		root.link(base + corner)
	}
	for i := range deepest - 1 {
		room := base + "/rooms" + strings.Repeat("/next", i+1)
		g.nodes[room] = &node{name: fmt.Sprintf("Room %d", i+1), links: []string{room + "/next"}}
	}
	if is(poisoned, h) {
		g.nodes[base+"/poison/0"] = &node{kind: kindFails}
		g.nodes[base+"/poison/1"] = &node{kind: kindBroken}
		root.link(base + "/poison/0")
		root.link(base + "/poison/1")
	}
}

func (g *graph) redirect(from, to string) {
	g.nodes[from] = &node{kind: kindRedirect, links: []string{to}}
}

// robotsTxt is that of every host. The pause is in seconds.
const robotsTxt = "# Robots are welcome, within reason.\nUser-agent: *\nCrawl-delay: %g\nDisallow: /private/ # no\nAllow: /private/open/\n"

// forbidden reports whether robotsTxt forbids a path, or its depth does.
func forbidden(path string) bool {
	return strings.Count(path, "/") > deepest || (strings.HasPrefix(path, "/private/") && !strings.HasPrefix(path, "/private/open/"))
}

// body is a page as HTML, the same each time. It has a link twice.
func (n *node) body(host string) []byte {
	var b strings.Builder
	title := html.EscapeString(n.name)
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><title>%s</title></head>\n<body><h1>%s</h1>\n", title, title)
	b.WriteString("<a href=\"mailto:host@" + scope + "\">Mail</a>, <a href=\"https://elsewhere.example/\">elsewhere</a>, <a href=\"http://[broken\">broken</a>\n")
	for i := range len(n.links) + 1 {
		link := n.links[i%len(n.links)]
		fmt.Fprintf(&b, "<p><a href=\"%s\">%s</a></p>\n", html.EscapeString(spell(host, link, i+len(n.name))), strings.Repeat("word ", 20))
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}

// spellings are how many ways there are to write a link.
const spellings = 6

// spell writes an address as a link on a page of a host, in one of the ways in
// which people do.
func spell(here, to string, way int) string {
	host, path, _ := strings.Cut(strings.TrimPrefix(to, "http://"), "/")
	switch way % spellings {
	case 0:
		if host == here {
			return "/" + path
		}
		return "//" + host + "/" + path
	case 1:
		return "HTTP://" + strings.ToUpper(host) + ":80/" + path
	case 2:
		if strings.Contains(path, "?") {
			return to + "&utm_source=page#top"
		}
		return to + "?utm_source=page&UTM_medium=web#top"
	case 3: // A detour, whose dots are encoded.
		return "http://" + host + "/old/%2e%2E/" + path
	case 4: // Escapes that need not be, and in lower case.
		return "http://" + host + "/" + strings.NewReplacer("o", "%6f", "~", "%7E", "%C3", "%c3").Replace(path)
	}
	return to
}
