package dashboard_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/access"
	"sluice/internal/dashboard"
	"sluice/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a service B with a dashboard and nothing else.
type service struct {
	t   *testing.T
	url string
}

// start serves a dashboard, and what add adds to it, until the test ends.
func start(t *testing.T, deps dashboard.Deps, auth *access.Authenticator, add func(*httpserver.Server, *dashboard.Dashboard)) *service {
	t.Helper()
	d := dashboard.New(deps)
	s := httpserver.New(httpserver.Options{
		Title: "test", Version: "1", Setting: "consumer.listen", Listen: []string{"127.0.0.1:0"}, Auth: auth,
		Health: &httpserver.Health{}, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	d.Register(s)
	if add != nil {
		add(s, d)
	}
	require.NoError(t, s.Listen(t.Context()))
	var serving sync.WaitGroup
	serving.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx) // A browser may hold a stream: it is closed.
		serving.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return &service{t: t, url: "http://" + s.Addrs()[0]}
}

type answer struct {
	code   int
	header http.Header
	body   []byte
}

// ask sends a request; headers are names and values.
func (s *service) ask(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewBufferString(body))
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return answer{resp.StatusCode, resp.Header, got}
}

// root is what a program does with "/".
func root(s *httpserver.Server, d *dashboard.Dashboard) {
	json := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"message":"Microservice B is running!"}`))
	})
	s.Handle(http.MethodGet, "/", d.Root(json), httpserver.Doc{ID: "root", Tag: "consumer", Refuse: d.Refuse})
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
