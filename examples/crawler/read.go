package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

// mostLinks bounds what is taken from one page, so that it fits into a record.
const mostLinks = 400

// outcome is what became of a URL.
type outcome struct {
	visit visit
	page  *page
	found []address
}

// read says what an answer means. An error may pass.
func read(a address, got answer) (outcome, error) {
	o := outcome{visit: visit{Outcome: outcomeGone}}
	switch {
	case got.status >= 500:
		return o, fmt.Errorf("%s: the answer is %d", a, got.status)
	case got.status >= 300 && got.status < 400:
		o.visit.Outcome = outcomeRedirect
		if to, err := parseAddress(a, got.header.Get("Location")); err == nil {
			o.visit.To = to.String()
			o.found = []address{to}
		}
	case got.status == http.StatusOK && strings.HasPrefix(got.header.Get("Content-Type"), "text/html"):
		sum := sha256.Sum256(got.body)
		o.visit.Outcome = outcomePage
		o.page = &page{URL: a.String(), Size: len(got.body), SHA256: hex.EncodeToString(sum[:]), Millis: got.took.Milliseconds()}
		o.page.Title, o.found = parseDocument(a, got.body)
		o.page.Links = make([]string, len(o.found)) // Not null, for who reads the JSON.
		for i, link := range o.found {
			o.page.Links[i] = link.String()
		}
	}
	return o, nil
}

// parseDocument returns a page's title, and the addresses in the web that it
// links to, each once, in the page's order. HTML is never invalid.
func parseDocument(base address, body []byte) (title string, links []address) {
	found := map[address]bool{}
	in := html.NewTokenizer(bytes.NewReader(body))
	for {
		next := in.Next()
		if next == html.ErrorToken { // The end.
			return title, links
		}
		if next != html.StartTagToken {
			continue
		}
		token := in.Token()
		if token.Data == "title" && title == "" && in.Next() == html.TextToken {
			title = strings.TrimSpace(string(in.Text()))
		}
		for _, at := range token.Attr {
			if token.Data != "a" || at.Key != "href" || len(links) == mostLinks {
				continue
			}
			if a, err := parseAddress(base, at.Val); err == nil && !found[a] {
				found[a] = true
				links = append(links, a)
			}
		}
	}
}
