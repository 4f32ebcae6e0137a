package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
)

// figure is a figure of a verdict.
func figure(v example.Verdict, name string) int64 {
	for _, f := range v.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	return -1
}

// crawled is what a crawl without a fault writes: pages first, then dead letters.
func crawled(g *graph) (events []example.Event) {
	var letters []example.Event
	last := map[string]int64{}
	for _, url := range slices.Sorted(maps.Keys(g.nodes)) {
		n, a := g.nodes[url], mustAddress(url)
		switch n.kind {
		case kindRedirect:
		case kindPage:
			o, err := read(a, answer{status: 200, header: map[string][]string{"Content-Type": {"text/html"}}, body: n.body(a.host)})
			if err != nil {
				panic(err)
			}
			last[a.host]++
			o.page.N = last[a.host]
			events = append(events, event("pages", a.host, o.page))
		case kindFails, kindBroken:
			letters = append(letters, letter(url))
		}
	}
	return append(events, letters...)
}

func event(topic, key string, value any) example.Event {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return example.Event{Topic: topic, Key: key, Value: text}
}

func letter(url string) example.Event {
	return event(topicsOf("").letters, "", task{URL: url, Via: "127.0.0.1:8020"})
}

func mustAddress(url string) address {
	a, err := parseAddress(address{}, url)
	if err != nil {
		panic(err)
	}
	return a
}

// change changes the page of an event.
func change(e *example.Event, do func(*page)) {
	var p page
	if err := json.Unmarshal(e.Value, &p); err != nil {
		panic(err)
	}
	do(&p)
	e.Value, _ = json.Marshal(p)
}

func TestCheckerTurnsRed(t *testing.T) {
	tests := []struct {
		name     string
		do       func(e []example.Event) []example.Event
		complete bool
		offence  string // "" where nothing is wrong
	}{
		{"nothing is wrong", func(e []example.Event) []example.Event { return e }, true, ""},
		{"a page is lost", func(e []example.Event) []example.Event { return slices.Delete(e, 50, 51) }, false, "was next"},
		{"the last page is lost", func(e []example.Event) []example.Event { return slices.Delete(e, len(e)-5, len(e)-4) }, false, ""},
		{"a page is there twice", func(e []example.Event) []example.Event { return append(e, e[50]) }, true, "is there twice"},
		{"a page is there twice, as another page", func(e []example.Event) []example.Event {
			again := e[len(e)-5]
			change(&again, func(p *page) { p.N++ })
			return append(e, again)
		}, true, "is there twice"},
		{"two pages have changed places", func(e []example.Event) []example.Event {
			e[0], e[1] = e[1], e[0]
			return e
		}, true, "was next"},
		{"a page that is forbidden", func(e []example.Event) []example.Event {
			return append(e, event("pages", "h001.web.test", page{URL: "http://h001.web.test/private/secret"}))
		}, true, "is no page"},
		{"a page that nobody can read", func(e []example.Event) []example.Event {
			return append(e, event("pages", "h007.web.test", page{URL: "http://h007.web.test/poison/1"}))
		}, true, "is no page"},
		{"no page at all", func(e []example.Event) []example.Event {
			return append(e, event("pages", "h007.web.test", "hello"))
		}, true, "is no page"},
		{"a page under the key of another host", func(e []example.Event) []example.Event {
			e[0].Key = "h019.web.test"
			return e
		}, true, "not under its host"},
		{"another text", func(e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.SHA256 = strings.Repeat("0", 64) })
			return e
		}, true, "not what the web has"},
		{"another title", func(e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.Title = "x" })
			return e
		}, true, "not what the web has"},
		{"a link is lost", func(e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.Links = p.Links[1:] })
			return e
		}, true, "not what the web has"},
		{"a dead letter is lost", func(e []example.Event) []example.Event { return e[:len(e)-1] }, false, ""},
		{"a dead letter is there twice", func(e []example.Event) []example.Event { return append(e, e[len(e)-1]) }, true, ""},
		{"a page that can be read was given up", func(e []example.Event) []example.Event {
			return append(e, letter(pageOf(1, 1)))
		}, true, "was given up"},
		{"somebody else's dead letters", func(e []example.Event) []example.Event {
			return append(e, letter("http://h001.web.test/nowhere"), event(topicsOf("").letters, "", "hello"),
				event(topicsOf("").letters, "", task{URL: pageOf(1, 1), Via: "192.0.2.1:80"}))
		}, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newChecker(newWeb(small(), time.Second), topicsOf(""))
			c.via = "127.0.0.1:8020"
			for _, e := range tt.do(crawled(c.web.graph)) {
				require.NoError(t, c.take(e))
			}
			v := c.verdict()
			require.Equal(t, tt.complete, v.Complete, v)
			require.Equal(t, tt.offence == "", v.OK, v)
			require.Contains(t, strings.Join(v.Offences, "\n"), tt.offence)
		})
	}
}

func TestCheckerBoundsWhatItTells(t *testing.T) {
	c := newChecker(newWeb(small(), time.Second), topicsOf(""))
	for range 1000 {
		require.NoError(t, c.take(example.Event{Value: []byte("1")}))
		c.web.offences.add("x")
	}
	require.Len(t, c.verdict().Offences, mostOffences)
	require.False(t, c.verdict().OK)
}
