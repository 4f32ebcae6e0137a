package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLetters(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		want       []string
		fails      bool
	}{
		{"none yet", `{"detail":"the group has no dead letters"}`, 404, nil, false},
		{"one", `{"letters":[{"payload":{"value":"{\"url\":\"http://h001.web.test/\",\"via\":\"127.0.0.1:8020\"}"}}]}`, 200, []string{"http://h001.web.test/"}, false},
		{"a task of somebody else's", `{"letters":[{"payload":{"value":"{\"url\":\"http://h001.web.test/\",\"via\":\"192.0.2.1:80\"}"}}]}`, 200, []string{""}, false},
		{"no task", `{"letters":[{"payload":{"value":"hello"}},{"payload":{"value":null}},{}]}`, 200, []string{"", "", ""}, false},
		{"Kafka is away", `{}`, 503, nil, true},
		{"no list", `hello`, 200, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := ""
			b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Path
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer b.Close()
			l := newLetters(b.URL, "crawler.fetch", "127.0.0.1:8020")
			defer l.client.CloseIdleConnections()
			got, err := l.urls(t.Context())
			require.Equal(t, tt.fails, err != nil, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, "/groups/crawler.fetch/dead-letters", asked)
		})
	}
}
