package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"sluice/consumer"
	"sluice/record"
)

// topics are the names of what the crawler reads and writes. The library writes
// the dead letters.
type topics struct{ frontier, pages, seen, letters string }

func topicsOf(prefix string) topics {
	frontier := prefix + "frontier"
	return topics{frontier: frontier, pages: prefix + "pages", seen: prefix + "seen", letters: frontier + "." + groupOf(prefix) + ".dlq"}
}

func groupOf(prefix string) string { return prefix + "fetch" }

// task is a record of the frontier: a URL that was found. Its key is the host,
// so that a host is in one partition, and in one lane of it.
type task struct {
	URL string `json:"url"`
	// Via is where the web is, for all of its hosts: IP:port. What is found there
	// has the same one.
	Via string `json:"via"`
}

// page is a record of pages: what was fetched. Its key is the host.
type page struct {
	URL string `json:"url"`
	// N counts the pages of the host, from 1.
	N      int64    `json:"n"`
	Size   int      `json:"size"`
	Title  string   `json:"title"`
	SHA256 string   `json:"sha256"`
	Links  []string `json:"links"`
	// Millis is how long the host took to answer.
	Millis int64 `json:"ms"`
	// Refused is how often the host has asked to come again later, since its page before.
	Refused int `json:"refused"`
}

// The outcomes of a URL that was seen. One that is given up has none: it is a
// dead letter, and comes again when that is redriven.
const (
	outcomePage       = "page"
	outcomeRedirect   = "redirect"
	outcomeGone       = "gone" // an answer that is neither a page nor an error that may pass
	outcomeDisallowed = "disallowed"
	outcomeTooDeep    = "too deep"
)

// visit is a record of seen, whose key is a URL.
type visit struct {
	Outcome string `json:"outcome"`
	// N is how many pages of the host there are by now.
	N int64 `json:"n"`
	// To is where a redirect leads, if into the web.
	To string `json:"to,omitempty"`
}

// parseTask reads a record of the frontier: an address, and where the web is.
// Anybody who may write to the topic may have written it: the address must be of
// this web, which is on this machine, and the key its host, or two lanes would
// ask one host.
func parseTask(r *record.Record) (a address, via string, err error) {
	var t task
	if err := json.Unmarshal(r.Value, &t); err != nil {
		return a, "", consumer.Undecodable(fmt.Errorf("a record of the frontier has to be JSON with url and via: %w", err))
	}
	if a, err = parseAddress(address{}, t.URL); err != nil {
		return a, "", consumer.Permanent(fmt.Errorf("url: %w", err))
	}
	if string(r.Key) != a.host {
		return a, "", consumer.Permanent(fmt.Errorf("the record's key is %q, and has to be the host, %s", r.Key, a.host))
	}
	if at, err := netip.ParseAddrPort(t.Via); err != nil || !at.Addr().IsLoopback() {
		return a, "", consumer.Permanent(errors.New("via has to be an address of this machine, such as 127.0.0.1:8020"))
	}
	return a, t.Via, nil
}

// encode makes a record of a value that is always valid JSON.
func encode(topic, key string, value any) record.Record {
	text, err := json.Marshal(value)
	if err != nil { // Not of the types above.
		text = []byte("null")
	}
	return record.Record{Topic: topic, Key: []byte(key), Value: text}
}
