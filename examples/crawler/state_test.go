package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

// small is a web with all peculiarities.
func small() *graph { return newGraph(20, 400) }

func TestCrawl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		c := newChecker(l.web, l.topics)
		c.via = "127.0.0.1:8020"
		l.crawl(c, func(int) {})
		v := c.verdict()
		require.True(t, v.OK && v.Complete, v)
		require.Zero(t, figure(v, "pages fetched again"))
		require.Positive(t, figure(v, "asked to come later"))
	})
}

// A crawler that dies has asked for pages of which nobody knows. Whoever comes
// after it fetches them again, and is as polite as it was.
func TestCrawlByCrawlersThatDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		c := newChecker(l.web, l.topics)
		c.via = "127.0.0.1:8020"
		l.crawl(c, func(n int) {
			if n%97 != 0 {
				return
			}
			for h := range 20 { // Whatever these fetch is lost, with what it knew.
				l.try(l.task(pageOf(h, n%20)))
			}
			l.restore()
		})
		v := c.verdict()
		require.True(t, v.OK && v.Complete, v)
		require.Greater(t, figure(v, "pages fetched again"), int64(100))
	})
}

func TestHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		url := pageOf(1, 0)
		n := l.graph.nodes[url]
		got := l.handle(l.task("HTTP://H001.WEB.TEST:80/?utm_source=x#y"))
		require.Equal(t, consumertest.Handled, got.Outcome, got)

		topic := map[string][]record.Record{}
		for _, made := range got.Made {
			topic[made.Topic] = append(topic[made.Topic], made)
		}
		require.Len(t, topic[l.topics.pages], 1)
		require.Equal(t, "h001.web.test", string(topic[l.topics.pages][0].Key))
		var p page
		require.NoError(t, json.Unmarshal(topic[l.topics.pages][0].Value, &p))
		require.Equal(t, url, p.URL)
		require.Equal(t, int64(1), p.N)
		require.Equal(t, n.links, p.Links)

		require.Len(t, topic[l.topics.frontier], len(n.links))
		for i, made := range topic[l.topics.frontier] {
			a, via, err := parseTask(&made)
			require.NoError(t, err)
			require.Equal(t, n.links[i], a.String())
			require.Equal(t, "127.0.0.1:8020", via)
		}

		require.Len(t, topic[l.topics.seen], 1)
		require.Equal(t, url, string(topic[l.topics.seen][0].Key))

		again := l.handle(l.task(url + "#z"))
		require.Equal(t, consumertest.Handled, again.Outcome)
		require.Empty(t, again.Made, "a duplicate")
		l.restore()
		require.Empty(t, l.handle(l.task(url)).Made, "a duplicate for whoever comes after")
	})
}

func TestWhatIsNotFetched(t *testing.T) {
	tests := map[string]struct{ url, outcome string }{
		"forbidden":          {"http://h001.web.test/private/secret", outcomeDisallowed},
		"too deep":           {"http://h003.web.test/rooms/next/next/next/next/next/next/next/next", outcomeTooDeep},
		"not there":          {"http://h001.web.test/missing", outcomeGone},
		"a redirect":         {"http://h001.web.test/loop/a", outcomeRedirect},
		"what robots.txt is": {"http://h001.web.test/robots.txt", outcomeGone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, small())
				got := l.handle(l.task(tt.url))
				require.Equal(t, consumertest.Handled, got.Outcome, got)
				last := got.Made[len(got.Made)-1]
				var v visit
				require.NoError(t, json.Unmarshal(last.Value, &v))
				require.Equal(t, tt.url, string(last.Key))
				require.Equal(t, tt.outcome, v.Outcome)
				for _, made := range got.Made {
					require.NotEqual(t, l.topics.pages, made.Topic)
				}
				require.Empty(t, l.web.offences.told())
				require.Empty(t, l.handle(l.task(tt.url)).Made, "once is enough")
			})
		})
	}
}

func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		for _, path := range []string{"/poison/0", "/poison/1"} {
			got := l.handle(l.task("http://h007.web.test" + path))
			require.Equal(t, consumertest.Retried, got.Outcome, "it could pass")
		}
		require.Empty(t, l.web.offences.told())
	})
}

func TestABodyThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/robots.txt" {
				_, _ = io.WriteString(w, fmt.Sprintf("%*d", largestBody+1, 1))
			}
		}))
		got := l.handle(l.task("http://h001.web.test/"))
		require.Equal(t, consumertest.GivenUp, got.Outcome, got)
		require.Equal(t, "decode", got.Class, got)
	})
}

func TestTasksOfOthers(t *testing.T) {
	const url = `"url":"http://h001.web.test/","via":"127.0.0.1:8020"`
	tests := []struct{ name, key, value, class string }{
		{"no JSON", "h001.web.test", "hello", "decode"},
		{"another JSON", "h001.web.test", `[1]`, "decode"},
		{"no value", "h001.web.test", "", "decode"},
		{"no URL", "h001.web.test", `{"via":"127.0.0.1:8020"}`, "permanent"},
		{"another web", "example.com", `{"url":"http://example.com/","via":"127.0.0.1:8020"}`, "permanent"},
		{"no key", "", `{` + url + `}`, "permanent"},
		{"the key of another host", "h002.web.test", `{` + url + `}`, "permanent"},
		{"the key in upper case", "H001.web.test", `{` + url + `}`, "permanent"},
		{"a proxy elsewhere", "h001.web.test", `{"url":"http://h001.web.test/","via":"192.0.2.1:80"}`, "permanent"},
		{"a proxy by name", "h001.web.test", `{"url":"http://h001.web.test/","via":"localhost:8020"}`, "permanent"},
		{"no proxy", "h001.web.test", `{"url":"http://h001.web.test/"}`, "permanent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newState(topicsOf("lab."), newClient())
			got := consumertest.Handle(t.Context(), consumer.Transform(s.Handle), record.Record{Key: []byte(tt.key), Value: []byte(tt.value)})
			require.Equal(t, consumertest.GivenUp, got.Outcome, got)
			require.Equal(t, tt.class, got.Class, got)
			require.Empty(t, s.hosts, "nothing is remembered of it")
		})
	}
}

func TestPoliteness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		took := func(url string) time.Duration {
			began := time.Now()
			require.Equal(t, consumertest.Handled, l.handle(l.task(url)).Outcome)
			return time.Since(began)
		}
		require.Equal(t, longestDelay+l.web.pause, took(pageOf(1, 0)), "a new owner waits, and asks for robots.txt first")
		require.Equal(t, l.web.pause, took(pageOf(1, 1)))
		require.Equal(t, l.web.pause, took(pageOf(2, 0)), "another host, whose time as a new one is over")
		require.Zero(t, took("http://h002.web.test/private/secret"), "what is not asked for needs no pause")
		require.Equal(t, 2*l.web.pause, took(pageOf(4, 0)), "a slow host")
		time.Sleep(time.Second)
		require.Zero(t, took(pageOf(1, 2)), "long enough ago")
		l.restore()
		require.Equal(t, longestDelay+l.web.pause, took(pageOf(1, 3)), "a new owner")
	})
}

func TestAHostThatAsksToComeLater(t *testing.T) {
	tests := []struct {
		name, header string
		status       int
		pause        time.Duration
	}{
		{"seconds", "2", 503, 2 * time.Second},
		{"too many requests", "2", 429, 2 * time.Second},
		{"a day", "86400", 503, longestPause},
		{"nothing", "", 503, time.Second},
		{"nonsense", "soon", 429, time.Second},
		{"at once", "0", 503, shortestDelay},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				l := newLabOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch asked++; {
					case r.URL.Path == "/robots.txt":
						http.NotFound(w, r)
					case asked == 2:
						w.Header().Set("Retry-After", tt.header)
						w.WriteHeader(tt.status)
					default:
						w.Header().Set("Content-Type", "text/html")
						_, _ = io.WriteString(w, "<title>at last</title>")
					}
				}))
				began := time.Now()
				got := l.handle(l.task("http://h001.web.test/"))
				require.Equal(t, consumertest.Handled, got.Outcome, got)
				require.Equal(t, longestDelay+shortestDelay+tt.pause, time.Since(began))
				var p page
				require.NoError(t, json.Unmarshal(got.Made[0].Value, &p))
				require.Equal(t, 1, p.Refused)
			})
		})
	}
}

func TestRobotsThatCannotBeRead(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Path == "/robots.txt" {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}
		}
	}
	tests := []struct {
		name    string
		web     http.Handler
		outcome consumertest.Outcome
	}{
		{"not there: all is allowed", answer(404, ""), consumertest.Handled},
		{"not to be seen: all is allowed", answer(403, "User-agent: *\nDisallow: /"), consumertest.Handled},
		{"too large: what nobody has read may forbid everything", answer(200, fmt.Sprintf("%70000d", 1)), consumertest.GivenUp},
		{"fails: nothing is asked for", answer(500, ""), consumertest.Retried},
		{"moved: nothing is asked for", answer(301, ""), consumertest.Retried},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLabOf(t, tt.web)
				got := l.handle(l.task("http://h001.web.test/"))
				require.Equal(t, tt.outcome, got.Outcome, got)
			})
		})
	}
}

func TestNoWeb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		require.Equal(t, consumertest.Handled, l.handle(l.task(pageOf(1, 0))).Outcome)
		l.client.CloseIdleConnections()
		l.client.Transport.(*http.Transport).DialContext = nil
		r := l.task(pageOf(1, 1))
		r.Value = []byte(`{"url":"http://h001.web.test/docs/part-0/1.html","via":"127.0.0.1:1"}`)
		require.Equal(t, consumertest.Held, l.try(r).Outcome, "it is no page's fault")
	})
}

func TestAPartitionThatGoesWhileAHostIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, small())
		ctx, cancel := context.WithTimeout(t.Context(), longestDelay/2)
		defer cancel()
		r := l.task(pageOf(1, 0))
		_, err := l.state.Handle(ctx, &r)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, l.web.requests.Load())
		require.Equal(t, consumertest.Handled, l.handle(r).Outcome, "nothing is lost by it")
	})
}

func TestRestore(t *testing.T) {
	value := []byte(`{"outcome":"page","n":3}`)
	tests := []struct {
		name, key string
		value     []byte
		ok        bool
	}{
		{"a page", "http://h001.web.test/a", value, true},
		{"one to be fetched again", "http://h001.web.test/a", nil, true},
		{"no key", "", value, false},
		{"a key of another web", "http://example.com/", value, false},
		{"no JSON", "http://h001.web.test/a", []byte("hello"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newState(topicsOf("lab."), newClient())
			err := s.Restore(&record.Record{Topic: "lab.seen", Key: []byte(tt.key), Value: tt.value})
			require.Equal(t, tt.ok, err == nil, err)
		})
	}
	s := newState(topicsOf("lab."), newClient())
	for _, v := range [][]byte{value, nil, value} {
		require.NoError(t, s.Restore(&record.Record{Key: []byte("http://h001.web.test/a"), Value: v}))
	}
	h := s.host("h001.web.test")
	require.Equal(t, int64(3), h.pages)
	require.Len(t, h.seen, 1)
}
