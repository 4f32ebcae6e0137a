package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The graph's addresses are the crawler's, which were found by two programs that
// know nothing of each other: one undoes spellings, the other makes them.
func TestEverySpellingIsTheSameAddress(t *testing.T) {
	g := newGraph(20, 400, 1)
	for from, n := range g.nodes {
		base, err := parseAddress(nil, from)
		require.NoError(t, err)
		require.Equal(t, from, base.String())
		for _, to := range n.links {
			for way := range spellings {
				link := spell(from, to, way)
				got, err := parseAddress(&base, link)
				require.NoError(t, err, link)
				require.Equal(t, to, got.String(), "%s of %s, written %s", to, from, link)
			}
		}
	}
}

func TestTheGraphIsTheSameEachTime(t *testing.T) {
	a, b := newGraph(7, 100, 3), newGraph(7, 100, 3)
	require.Equal(t, a.nodes, b.nodes)
	for url, n := range a.nodes {
		require.Equal(t, a.body(url, n), b.body(url, n))
	}
	require.NotEqual(t, a.nodes, newGraph(7, 100, 4).nodes)
}

func TestTheTruth(t *testing.T) {
	g := newGraph(20, 400, 1)
	pages, poison := g.truth()
	want := 0
	for h := range 20 {
		for i := range 20 {
			require.Contains(t, pages, g.pageOf(h, i), "every page can be reached")
		}
		want += 20 + 1 // The hours.
		require.NotContains(t, pages, "http://"+hostOf(h)+"/private/prices")
	}
	want += 2 * (deepest - 1) // The rooms of two hosts.
	require.Len(t, pages, want)
	require.Len(t, poison, 2*4)
	for url := range pages {
		a, err := parseAddress(nil, url)
		require.NoError(t, err)
		require.LessOrEqual(t, a.depth(), deepest)
		require.False(t, forbidden(url))
	}
}

func TestPagesAreReadAsTheyWereWritten(t *testing.T) {
	g := newGraph(20, 400, 1)
	for url, n := range g.nodes {
		if n.kind != kindPage {
			continue
		}
		at, err := parseAddress(nil, url)
		require.NoError(t, err)
		d, err := parseDocument(at, g.body(url, n))
		require.NoError(t, err)
		require.Equal(t, n.name, d.title)
		var links []string
		for _, link := range d.links {
			links = append(links, link.String())
		}
		require.Equal(t, n.distinct(), links, url)
	}
}

func TestThereAreAllPeculiarities(t *testing.T) {
	var found []string
	for h := range 10 {
		for _, p := range []int{patient, labyrinth, slow, refusing, poisoned} {
			if is(p, h) {
				found = append(found, fmt.Sprint(p))
			}
		}
	}
	require.Len(t, slices.Compact(found), 5)
}
