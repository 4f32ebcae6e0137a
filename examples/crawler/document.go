package main

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// The bounds of what is taken from one page.
const (
	mostLinks    = 1000
	longestTitle = 200
)

var errNotUTF8 = errors.New("the page is not UTF-8")

// document is what the crawler reads in a page.
type document struct {
	title string
	// links are the addresses in the web that the page links to, each once, in
	// the page's order.
	links []address
}

// parseDocument reads a page. HTML is never invalid, but its text can be.
func parseDocument(base address, body []byte) (document, error) {
	if !utf8.Valid(body) {
		return document{}, errNotUTF8
	}
	var d document
	found := map[address]bool{}
	in := html.NewTokenizer(bytes.NewReader(body))
	for title := false; ; {
		switch in.Next() {
		case html.ErrorToken: // The end.
			return d, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			token := in.Token()
			title = token.Data == "title"
			for _, at := range token.Attr {
				if token.Data != "a" || at.Key != "href" || len(d.links) == mostLinks {
					continue
				}
				if a, err := parseAddress(&base, at.Val); err == nil && !found[a] {
					found[a] = true
					d.links = append(d.links, a)
				}
			}
		case html.TextToken:
			if title && d.title == "" {
				d.title = shorten(strings.TrimSpace(string(in.Text())))
			}
		default:
			title = false
		}
	}
}

// shorten keeps the beginning of a text, in whole characters.
func shorten(s string) string {
	if len(s) <= longestTitle {
		return s
	}
	return strings.ToValidUTF8(s[:longestTitle], "")
}
