package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
)

// read says what an answer means. An error may pass, but for those of its body.
func read(a address, got answer) (outcome, error) {
	o := outcome{visit: visit{Host: a.host, Outcome: outcomeGone}}
	switch {
	case got.status >= 500 || got.status == http.StatusTooManyRequests:
		return o, fmt.Errorf("%s: the answer is %d", a, got.status)
	case got.status >= 300 && got.status < 400:
		o.visit.Outcome = outcomeRedirect
		if to, err := parseAddress(&a, got.header.Get("Location")); err == nil {
			o.visit.To = to.String()
			o.found = []address{to}
		}
		return o, nil
	case got.status != http.StatusOK:
		return o, nil
	}
	if media, _, _ := mime.ParseMediaType(got.header.Get("Content-Type")); media != "text/html" {
		return o, nil // It is "" where nobody knows.
	}
	d, err := parseDocument(a, got.body)
	if err != nil {
		return o, err
	}
	o.visit.Outcome, o.found = outcomePage, d.links
	sum := sha256.Sum256(got.body)
	o.page = &page{
		URL: a.String(), Host: a.host, Status: got.status, Size: len(got.body), Title: d.title, SHA256: hex.EncodeToString(sum[:]),
		Links: make([]string, len(d.links)), Millis: got.took.Milliseconds(),
	}
	for i, link := range d.links {
		o.page.Links[i] = link.String()
	}
	return o, nil
}
