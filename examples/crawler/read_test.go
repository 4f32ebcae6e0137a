package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocument(t *testing.T) {
	base := address{host: "h001.web.test", path: "/docs/a"}
	tests := []struct {
		name, html, title string
		links             []string
	}{
		{"nothing", "", "", nil},
		{"no HTML", "just text", "", nil},
		{"a title", "<title> A &amp; B </title>", "A & B", nil},
		{"the first title counts", "<title>A</title><title>B</title>", "A", nil},
		{"a link", `<a href="b">x</a>`, "", []string{"http://h001.web.test/docs/b"}},
		{"without quotes, in upper case, broken off", `<A HREF=/b`, "", nil},
		{"in upper case", `<A HREF=/b>`, "", []string{"http://h001.web.test/b"}},
		{"an ampersand", `<a href="/b?c=1&amp;d=2">x</a>`, "", []string{"http://h001.web.test/b?c=1&d=2"}},
		{"once each, in order", `<a href="/c">x</a><a href="/b">x</a><a href="/c#d">x</a>`, "", []string{"http://h001.web.test/c", "http://h001.web.test/b"}},
		{"none that leads away", `<a href="mailto:x@y">x</a><a href="https://elsewhere.example/">x</a><a name="x">y</a><a href="http://[x">x</a>`, "", nil},
		{"nothing but a is a link", `<link href="/b"><img src="/c">`, "", nil},
		{"a script is text", `<script>"<a href='/b'>"</script>`, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			title, found := parseDocument(base, []byte(tt.html))
			require.Equal(t, tt.title, title)
			var links []string
			for _, link := range found {
				links = append(links, link.String())
			}
			require.Equal(t, tt.links, links)
		})
	}
}

func TestDocumentIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3 * mostLinks {
		b.WriteString(`<a href="/` + strings.Repeat("x", 1+i%40) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `">`)
	}
	_, links := parseDocument(address{host: "h001.web.test", path: "/"}, []byte(b.String()))
	require.Len(t, links, mostLinks)
}
