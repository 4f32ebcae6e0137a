package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

// crawled is what a crawl without a fault writes to pages.
func crawled(g *graph) (events []example.Event) {
	pages, _ := g.truth()
	last := map[int]int64{}
	var urls []string
	for url := range pages {
		urls = append(urls, url)
	}
	slices.Sort(urls)
	for i, url := range urls {
		n := pages[url]
		o, err := read(mustAddress(url), answer{status: 200, header: map[string][]string{"Content-Type": {"text/html"}}, body: g.body(url, n)})
		if err != nil {
			panic(err)
		}
		last[n.host]++
		o.page.N = last[n.host]
		value, err := json.Marshal(o.page)
		if err != nil {
			panic(err)
		}
		events = append(events, example.Event{Topic: "pages", Offset: int64(i), Key: hostOf(n.host), Value: value})
	}
	return events
}

func mustAddress(url string) address {
	a, err := parseAddress(nil, url)
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
	poison := func(g *graph) (urls []string) {
		_, dead := g.truth()
		for url := range dead {
			urls = append(urls, url)
		}
		slices.Sort(urls)
		return urls
	}
	tests := []struct {
		name     string
		do       func(g *graph, e []example.Event) []example.Event
		letters  func(g *graph) []string
		complete bool
		offence  string // "" where nothing is wrong
	}{
		{name: "nothing is wrong", complete: true},
		{name: "a page is lost", do: func(_ *graph, e []example.Event) []example.Event { return slices.Delete(e, 50, 51) }, offence: "was next"},
		{name: "the last page is lost", do: func(_ *graph, e []example.Event) []example.Event { return e[:len(e)-1] }},
		{name: "a page is there twice", do: func(_ *graph, e []example.Event) []example.Event { return append(e, e[50]) }, complete: true, offence: "is there twice"},
		{
			name: "a page is there twice, as another page", do: func(_ *graph, e []example.Event) []example.Event {
				again := e[len(e)-1]
				change(&again, func(p *page) { p.N++ })
				return append(e, again)
			}, complete: true, offence: "is there twice",
		},
		{name: "two pages have changed places", do: func(_ *graph, e []example.Event) []example.Event {
			e[0], e[1] = e[1], e[0]
			return e
		}, complete: true, offence: "was next"},
		{name: "a page that is forbidden", do: func(_ *graph, e []example.Event) []example.Event {
			return append(e, example.Event{Key: "h001.web.test", Value: []byte(`{"url":"http://h001.web.test/private/secret"}`)})
		}, complete: true, offence: "is not to be fetched"},
		{name: "a page that nobody can read", do: func(_ *graph, e []example.Event) []example.Event {
			return append(e, example.Event{Key: "h007.web.test", Value: []byte(`{"url":"http://h007.web.test/poison/2"}`)})
		}, complete: true, offence: "is not to be fetched"},
		{name: "no page at all", do: func(_ *graph, e []example.Event) []example.Event {
			return append(e, example.Event{Key: "h007.web.test", Value: []byte(`"hello"`)})
		}, complete: true, offence: "no page"},
		{name: "a page of another host", do: func(_ *graph, e []example.Event) []example.Event {
			e[0].Key = "h019.web.test"
			return e
		}, complete: true, offence: "not under its host"},
		{name: "another text", do: func(_ *graph, e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.SHA256 = strings.Repeat("0", 64) })
			return e
		}, complete: true, offence: "not what the web has"},
		{name: "another title", do: func(_ *graph, e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.Title = "x" })
			return e
		}, complete: true, offence: "not what the web has"},
		{name: "a link is lost", do: func(_ *graph, e []example.Event) []example.Event {
			change(&e[0], func(p *page) { p.Links = p.Links[1:] })
			return e
		}, complete: true, offence: "other links"},
		{name: "a dead letter is lost", letters: func(g *graph) []string { return poison(g)[1:] }},
		{name: "a dead letter is there twice", letters: func(g *graph) []string { return append(poison(g), poison(g)...) }, complete: true},
		{name: "a page that can be read was given up", letters: func(g *graph) []string { return append(poison(g), g.pageOf(1, 1)) }, complete: true, offence: "was given up"},
		{name: "somebody else's dead letter", letters: func(g *graph) []string { return append(poison(g), "", "http://h001.web.test/nowhere") }, complete: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := small()
			c := newChecker(g, newWeb(g, time.Second))
			events := crawled(g)
			if tt.do != nil {
				events = tt.do(g, events)
			}
			for _, e := range events {
				c.take(e)
			}
			letters := poison
			if tt.letters != nil {
				letters = tt.letters
			}
			for range 2 { // They are looked at again and again.
				c.deadLetters(letters(g))
			}
			v := c.verdict()
			require.Equal(t, tt.complete, v.Complete, v)
			require.Equal(t, tt.offence == "", v.OK, v)
			require.Contains(t, strings.Join(v.Offences, "\n"), tt.offence)
		})
	}
}

func TestCheckerBoundsWhatItTells(t *testing.T) {
	g := small()
	c := newChecker(g, newWeb(g, time.Second))
	for range 1000 {
		c.take(example.Event{Value: []byte("1")})
		c.web.offences.add("x")
	}
	require.Len(t, c.verdict().Offences, mostOffences)
	require.False(t, c.verdict().OK)
}

// ask is a request to a host, as manners sees it. It ends when the function
// that it returns is called.
func ask(ctx context.Context, m *manners) (end func(), offence string) {
	ctx, gone := context.WithCancel(ctx)
	leave, _, offence := m.enter(ctx, 1, 100*time.Millisecond)
	context.AfterFunc(ctx, func() { leave(0) }) // As a handler does whose client has gone.
	return gone, offence
}

func TestManners(t *testing.T) {
	const pause = 100 * time.Millisecond
	answered := func(ctx context.Context, m *manners, took, alone time.Duration) string {
		leave, _, offence := m.enter(ctx, 1, pause)
		time.Sleep(took)
		leave(alone)
		return offence
	}
	tests := []struct {
		name    string
		do      func(ctx context.Context, m *manners) string
		offence string
	}{
		{"the first request", func(ctx context.Context, m *manners) string { return answered(ctx, m, time.Second, 0) }, ""},
		{"after the pause", func(ctx context.Context, m *manners) string {
			answered(ctx, m, time.Second, 0)
			time.Sleep(pause)
			return answered(ctx, m, 0, 0)
		}, ""},
		{"too soon", func(ctx context.Context, m *manners) string {
			answered(ctx, m, time.Second, 0)
			time.Sleep(pause - 1)
			return answered(ctx, m, 0, 0)
		}, "asked again after"},
		{"another host", func(ctx context.Context, m *manners) string {
			answered(ctx, m, 0, 0)
			leave, _, offence := m.enter(ctx, 2, pause)
			leave(0)
			return offence
		}, ""},
		{"sooner than it has asked for", func(ctx context.Context, m *manners) string {
			answered(ctx, m, 0, time.Second)
			time.Sleep(time.Second - 1)
			return answered(ctx, m, 0, 0)
		}, "too early"},
		{"when it has asked for", func(ctx context.Context, m *manners) string {
			answered(ctx, m, 0, time.Second)
			time.Sleep(time.Second)
			return answered(ctx, m, 0, 0)
		}, ""},
		{"two at a time", func(ctx context.Context, m *manners) string {
			leave, _, _ := m.enter(ctx, 1, pause)
			time.Sleep(pause)
			done := make(chan struct{})
			context.AfterFunc(ctx, func() { leave(0); close(done) })
			return answered(ctx, m, 0, 0)
		}, "twice at a time"},
		{"two at a time, of which the first is answered meanwhile", func(ctx context.Context, m *manners) string {
			leave, _, _ := m.enter(ctx, 1, pause)
			time.Sleep(pause)
			time.AfterFunc(goneWithin/2, func() { leave(0) })
			return answered(ctx, m, 0, 0)
		}, "twice at a time"},
		{"the first one's client is dead, and that shows later", func(ctx context.Context, m *manners) string {
			end, _ := ask(ctx, m)
			time.Sleep(pause)
			time.AfterFunc(goneWithin/2, end)
			return answered(ctx, m, 0, 0)
		}, ""},
		{"the first one's client is dead, and the pause is not over", func(ctx context.Context, m *manners) string {
			end, _ := ask(ctx, m)
			end()
			time.Sleep(pause / 2)
			return answered(ctx, m, 0, 0)
		}, "asked again after"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				got := tt.do(ctx, &manners{})
				if tt.offence == "" {
					require.Empty(t, got)
				}
				require.Contains(t, got, tt.offence)
			})
		})
	}
}
