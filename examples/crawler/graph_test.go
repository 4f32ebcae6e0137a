package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The graph's addresses are the crawler's, which were found by two programs that
// know nothing of each other: one undoes spellings, the other makes them.
func TestEverySpellingIsTheSameAddress(t *testing.T) {
	for from, n := range small().nodes {
		base, err := parseAddress(address{}, from)
		require.NoError(t, err)
		require.Equal(t, from, base.String())
		for _, to := range n.links {
			for way := range spellings {
				link := spell(base.host, to, way)
				got, err := parseAddress(base, link)
				require.NoError(t, err, link)
				require.Equal(t, to, got.String(), "%s of %s, written %s", to, from, link)
			}
		}
	}
}

func TestTheGraphIsTheSameEachTime(t *testing.T) {
	one, other := newGraph(7, 100), newGraph(7, 100)
	require.Equal(t, one, other)
}

// What the checker asks for is what a crawl can find without breaking a rule.
func TestEveryNodeCanBeReached(t *testing.T) {
	g := small()
	require.Equal(t, 20*(20+1+deepest-1), g.count[kindPage], "pages, hours and rooms")
	require.Equal(t, 2*2, g.count[kindFails]+g.count[kindBroken])
	found := map[string]bool{}
	for queue := []string{pageOf(0, 0)}; len(queue) > 0; queue = queue[1:] {
		url := queue[0]
		a, err := parseAddress(address{}, url)
		require.NoError(t, err)
		n := g.nodes[url]
		if found[url] || n == nil {
			continue
		}
		require.False(t, forbidden(a.path), url)
		require.LessOrEqual(t, a.depth(), deepest)
		found[url] = true
		queue = append(queue, n.links...)
	}
	for url := range g.nodes {
		require.True(t, found[url], url)
	}
}

func TestPagesAreReadAsTheyWereWritten(t *testing.T) {
	for url, n := range small().nodes {
		if n.kind != kindPage {
			continue
		}
		at, err := parseAddress(address{}, url)
		require.NoError(t, err)
		title, found := parseDocument(at, n.body(at.host))
		require.Equal(t, n.name, title)
		var links []string
		for _, link := range found {
			links = append(links, link.String())
		}
		require.Equal(t, n.links, links, url)
	}
}
