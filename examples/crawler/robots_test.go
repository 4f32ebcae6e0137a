package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRobots(t *testing.T) {
	tests := []struct {
		name, text string
		allowed    []string
		forbidden  []string
		delay      time.Duration
	}{
		{"nothing", "", []string{"/", "/a?b"}, nil, shortestDelay},
		{"not a robots.txt at all", "<html>nothing here</html>", []string{"/"}, nil, shortestDelay},
		{"all is forbidden", "User-agent: *\nDisallow: /", nil, []string{"/", "/a"}, shortestDelay},
		{"an empty rule forbids nothing", "User-agent: *\nDisallow:", []string{"/"}, nil, shortestDelay},
		{"the longest rule decides", "User-agent: *\nAllow: /a/b\nDisallow: /a", []string{"/a/b", "/a/bc", "/b"}, []string{"/a", "/a/c"}, shortestDelay},
		{"of two that are as long, the one that allows", "User-agent: *\nDisallow: /a\nAllow: /a", []string{"/a"}, nil, shortestDelay},
		{"a star", "User-agent: *\nDisallow: /*/x", []string{"/x"}, []string{"/a/x", "/a/b/xy"}, shortestDelay},
		{"an end", "User-agent: *\nDisallow: /*.php$", []string{"/a.php?b", "/a.phps"}, []string{"/a.php"}, shortestDelay},
		{"an end without a star", "User-agent: *\nDisallow: /a$", []string{"/ab"}, []string{"/a"}, shortestDelay},
		{"a query", "User-agent: *\nDisallow: /list?", []string{"/list"}, []string{"/list?id=1"}, shortestDelay},
		{"escapes", "User-agent: *\nDisallow: /caf%c3%a9\nDisallow: /%7Eme", nil, []string{"/caf%C3%A9", "/~me"}, shortestDelay},
		{"letters that were not encoded", "User-agent: *\nDisallow: /café", nil, []string{"/caf%C3%A9/1"}, shortestDelay},
		{"a group of its own", "User-agent: *\nDisallow: /\n\nUser-agent: Sluice-Crawler\nDisallow: /b", []string{"/a"}, []string{"/b"}, shortestDelay},
		{"a group of several", "User-agent: other\nUser-agent: sluice-crawler\nDisallow: /b", []string{"/a"}, []string{"/b"}, shortestDelay},
		{"two groups of one name", "User-agent: *\nDisallow: /a\nUser-agent: other\nDisallow: /b\nUser-agent: *\nDisallow: /c", []string{"/b"}, []string{"/a", "/c"}, shortestDelay},
		{"somebody else's group", "User-agent: other\nDisallow: /", []string{"/a"}, nil, shortestDelay},
		{"comments, case and white space", "# hello\r\n USER-AGENT : * # all\r\n disallow:/a # no\r\n", []string{"/b"}, []string{"/a"}, shortestDelay},
		{"a pause", "User-agent: *\nCrawl-delay: 0.25", []string{"/"}, nil, 250 * time.Millisecond},
		{"a pause that makes no sense", "User-agent: *\nCrawl-delay: soon\nCrawl-delay: -3", []string{"/"}, nil, shortestDelay},
		{"a pause that is too long is a no", "User-agent: *\nCrawl-delay: 3600", nil, []string{"/"}, longestDelay},
		{"a pause without an end", "User-agent: *\nCrawl-delay: Inf", nil, []string{"/"}, longestDelay},
		{"a pause that is no number", "User-agent: *\nCrawl-delay: NaN", []string{"/"}, nil, shortestDelay},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := parseRobots(tt.text)
			for _, path := range tt.allowed {
				require.True(t, r.allow(path), path)
			}
			for _, path := range tt.forbidden {
				require.False(t, r.allow(path), path)
			}
			require.Equal(t, tt.delay, r.delay)
		})
	}
}

func TestRobotsBoundsItsRules(t *testing.T) {
	r := parseRobots("User-agent: *\n" + strings.Repeat("Disallow: /a\n", 10*mostRules))
	require.Len(t, r.rules, mostRules)
}

func TestRobotsOfTheWeb(t *testing.T) {
	r := parseRobots(fmt.Sprintf(robotsTxt, 0.06))
	require.Equal(t, 60*time.Millisecond, r.delay)
	for _, path := range []string{"/private/secret", "/private/open/hours", "/", "/docs/part-0/1.html"} {
		require.Equal(t, forbidden(path), !r.allow(path), path)
	}
}

func FuzzRobots(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /*a*b$\nCrawl-delay: 1e9", "/xaybz")
	f.Fuzz(func(t *testing.T, text, path string) {
		r := parseRobots(text)
		_ = r.allow(path)
		require.GreaterOrEqual(t, r.delay, shortestDelay)
		require.LessOrEqual(t, r.delay, longestDelay)
	})
}
