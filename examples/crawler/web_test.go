package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// get asks the web for a URL.
func get(t *testing.T, w *web, url string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	return rec
}

func TestWeb(t *testing.T) {
	tests := []struct {
		name, url string
		status    int
		part      string
		offence   string
	}{
		{"a page", "http://h001.web.test/", 200, "<title>Page 0 of host 1</title>", ""},
		{"with the default port", "http://h001.web.test:80/", 200, "Page 0", ""},
		{"a page with escapes", "http://h001.web.test/caf%C3%A9%2F/~2", 200, "Page 2 of host 1", ""},
		{"the same page in another spelling is none", "http://h001.web.test/caf%c3%a9%2F/~2", 404, "", ""},
		{"what robots may", "http://h001.web.test/robots.txt", 200, "Crawl-delay: 0.1\n", ""},
		{"a redirect", "http://h001.web.test/loop/a", 302, "", ""},
		{"nothing", "http://h001.web.test/missing", 404, "", ""},
		{"what is forbidden", "http://h001.web.test/private/secret", 404, "", "which no crawler should"},
		{"what is too deep", "http://h003.web.test/1/2/3/4/5/6/7/8/9", 404, "", "which no crawler should"},
		{"poison", "http://h007.web.test/poison/0", 500, "", ""},
		{"another host", "http://h020.web.test/", 502, "", ""},
		{"a host in another spelling", "http://h1.web.test/", 502, "", ""},
		{"another web", "http://example.com/", 502, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeb(small(), 100*time.Millisecond)
			got := get(t, w, tt.url)
			require.Equal(t, tt.status, got.Code)
			require.Contains(t, got.Body.String(), tt.part)
			told := w.offences.told()
			require.Equal(t, tt.offence == "", len(told) == 0, told)
			require.Contains(t, strings.Join(told, ""), tt.offence)
		})
	}
}

func TestWebRefusesNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(small(), 100*time.Millisecond)
		var statuses []int
		for range 9 {
			statuses = append(statuses, get(t, w, "http://h006.web.test/").Code)
			time.Sleep(time.Second)
		}
		require.Equal(t, []int{200, 200, 200, 200, 200, 503, 503, 200, 200}, statuses)
		require.Equal(t, []int64{9, 6, 2}, []int64{w.requests.Load(), w.again.Load(), w.refused.Load()})
		require.Empty(t, w.offences.told())
	})
}

func TestWebTellsOfTheImpolite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(small(), 100*time.Millisecond)
		get(t, w, "http://h001.web.test/")
		get(t, w, "http://h001.web.test/")
		require.Len(t, w.offences.told(), 1)
	})
}
