package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddress(t *testing.T) {
	base := address{host: "h001.web.test", path: "/docs/a/b.html", query: "page=2"}
	tests := []struct{ name, link, want string }{
		{"as it is", "http://h002.web.test/a", "http://h002.web.test/a"},
		{"no path", "http://h002.web.test", "http://h002.web.test/"},
		{"upper case of scheme and host", "HTTP://H002.Web.TEST/A", "http://h002.web.test/A"},
		{"the default port", "http://h002.web.test:80/a", "http://h002.web.test/a"},
		{"an empty port", "http://h002.web.test:/a", "http://h002.web.test/a"},
		{"a fragment", "http://h002.web.test/a#b", "http://h002.web.test/a"},
		{"an empty query", "http://h002.web.test/a?", "http://h002.web.test/a"},
		{"white space around it", " \n/a\t", "http://h001.web.test/a"},
		{"of the same scheme", "//h002.web.test/a", "http://h002.web.test/a"},
		{"from the root", "/a/b", "http://h001.web.test/a/b"},
		{"relative", "c", "http://h001.web.test/docs/a/c"},
		{"up", "../c", "http://h001.web.test/docs/c"},
		{"up above the root", "../../../../c", "http://h001.web.test/c"},
		{"dots", "./x/../y/.", "http://h001.web.test/docs/a/y/"},
		{"encoded dots", "/a/%2e%2E/b", "http://h001.web.test/b"},
		{"a query alone", "?page=3", "http://h001.web.test/docs/a/b.html?page=3"},
		{"nothing is the page itself", "", "http://h001.web.test/docs/a/b.html?page=2"},
		{"a fragment alone", "#x", "http://h001.web.test/docs/a/b.html?page=2"},
		{"needless escapes", "/%61%7e%2D", "http://h001.web.test/a~-"},
		{"escapes in lower case", "/caf%c3%a9", "http://h001.web.test/caf%C3%A9"},
		{"what should have been encoded", "/café au lait", "http://h001.web.test/caf%C3%A9%20au%20lait"},
		{"an encoded slash is none", "/a%2fb", "http://h001.web.test/a%2Fb"},
		{"an encoded percent", "/100%25", "http://h001.web.test/100%25"},
		{"an encoded question mark", "/a%3Fb", "http://h001.web.test/a%3Fb"},
		{"tracking", "/a?utm_source=x&id=1&UTM_Medium=y", "http://h001.web.test/a?id=1"},
		{"nothing but tracking", "/a?utm_source=x", "http://h001.web.test/a"},
		{"an encoded ampersand", "/a?b=c%26d&e", "http://h001.web.test/a?b=c%26d&e="},
		{"a query that would end the request line", "/a?b=c HTTP/1.1", "http://h001.web.test/a?b=c+HTTP%2F1.1"},
		{"another order", "/a?c=2&b=1", "http://h001.web.test/a?b=1&c=2"},
		{"double slashes are a path of their own", "http://h002.web.test//a", "http://h002.web.test//a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseAddress(base, tt.link)
			require.NoError(t, err)
			require.Equal(t, tt.want, got.String())
			again, err := parseAddress(address{}, got.String())
			require.NoError(t, err)
			require.Equal(t, got, again, "an address is its own address")
		})
	}
}

func TestLinksThatLeadOutOfTheWeb(t *testing.T) {
	for name, link := range map[string]string{
		"mail":                    "mailto:a@h001.web.test",
		"a script":                "javascript:alert(1)",
		"another scheme":          "https://h001.web.test/",
		"another domain":          "http://example.com/",
		"a domain that ends so":   "http://evilweb.test/",
		"the domain itself":       "http://web.test/",
		"a dot at the end":        "http://h001.web.test./",
		"another port":            "http://h001.web.test:8080/",
		"a user":                  "http://h001.web.test@h002.web.test/",
		"an address of a machine": "http://127.0.0.1/",
		"an underscore":           "http://a_b.web.test/",
		"no host":                 "http:///a",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseAddress(address{}, link)
			require.ErrorIs(t, err, errOutOfScope)
		})
	}
}

func TestLinksThatAreNone(t *testing.T) {
	for name, link := range map[string]string{
		"a broken escape": "/%zz",
		"a lone percent":  "/a?b=100%",
		"a broken host":   "http://[broken",
		"a control":       "/a\x00b",
		"a line end":      "/a\r\nX: y",
		"too long":        "/" + strings.Repeat("a", longestURL),
		"too long, soon":  "/" + strings.Repeat("é", longestURL/3),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseAddress(address{host: "h001.web.test", path: "/"}, link)
			require.Error(t, err)
		})
	}
}

func TestRelativeWithoutABase(t *testing.T) {
	_, err := parseAddress(address{}, "/a")
	require.ErrorIs(t, err, errOutOfScope)
}

func FuzzAddress(f *testing.F) {
	f.Add("http://h002.web.test/a/%2e%2E/b?utm_x=1&c=%26#d")
	f.Add("../%C3%a9?=&&%")
	f.Fuzz(func(t *testing.T, link string) {
		a, err := parseAddress(address{host: "h001.web.test", path: "/x/y"}, link)
		if err != nil {
			return
		}
		again, err := parseAddress(address{}, a.String())
		require.NoError(t, err)
		require.Equal(t, a, again)
		require.NotContains(t, a.String(), " ")
	})
}
