package httpserver_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

func TestReservedPaths(t *testing.T) {
	s := httpserver.New(httpserver.Options{Health: &httpserver.Health{}})
	s.Handle(http.MethodGet, "/topics/{topic}/events", http.NotFoundHandler(), httpserver.Doc{ID: "events"})
	s.Handle(http.MethodGet, "/", http.NotFoundHandler(), httpserver.Doc{ID: "root"})
	for path, want := range map[string]bool{
		"/topics/": true, "/topics": true, "/topics/a/b/": true, "/docs/": true, "/metrics/": true, "/": true,
		"/topic/": false, "/fleet/": false, "/topicsx/": false, "/docs.html": false,
	} {
		require.Equal(t, want, s.Reserved(path), path)
	}
}
