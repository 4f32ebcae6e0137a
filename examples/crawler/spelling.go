package main

import (
	"html"
	"net/url"
	"strings"
)

// spellings are how many ways there are to write a link; from firstAbsolute on,
// it has scheme and host.
const (
	spellings     = 9
	firstAbsolute = 2
)

// spell writes an address as a link of the page at base, in one of the ways in
// which people do.
func spell(base, to string, way int) string {
	here, there := mustParse(base), mustParse(to)
	local := here.Host == there.Host
	rest := strings.TrimPrefix(to, "http://"+there.Host)
	switch way % spellings {
	case 0:
		if local {
			return rest
		}
		return "//" + there.Host + rest
	case 1: // Up to the root, and down again.
		if local {
			return strings.Repeat("../", strings.Count(here.EscapedPath(), "/")-1) + "./" + rest[1:]
		}
	case 2:
		return "HTTP://" + strings.ToUpper(there.Host) + rest
	case 3:
		return "http://" + there.Host + ":80" + rest
	case 4:
		return to + "#part-2"
	case 5:
		if strings.Contains(to, "?") {
			return to + "&utm_source=page"
		}
		return to + "?utm_source=page&UTM_medium=web#top"
	case 6: // A detour, whose dots are encoded.
		return "http://" + there.Host + "/old/%2e%2E" + rest
	case 7: // Escapes that need not be, and in lower case.
		return "http://" + there.Host + strings.NewReplacer("o", "%6f", "~", "%7E", "%C3", "%c3").Replace(rest)
	}
	return to
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil { // Addresses of the graph are whole.
		return &url.URL{}
	}
	return u
}

// body is a page as HTML, the same each time.
func (g *graph) body(address string, n *node) []byte {
	random := g.random(len(address), len(n.links))
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(n.name) + "</title></head>\n<body><h1>" + html.EscapeString(n.name) + "</h1>\n")
	b.WriteString("<p><a href=\"mailto:host@" + scope + "\">Mail</a>, <a href=\"https://elsewhere.example/\">elsewhere</a>, <a name=\"top\">no link</a>, <a href=\"http://[broken\">broken</a></p>\n<ul>\n")
	for i, link := range n.links {
		way := random.IntN(spellings) + i
		b.WriteString("<li><a href=\"" + html.EscapeString(spell(address, link, way)) + "\">" + strings.Repeat("word ", 1+random.IntN(30)) + "</a></li>\n")
	}
	b.WriteString("</ul></body></html>\n")
	return []byte(b.String())
}
