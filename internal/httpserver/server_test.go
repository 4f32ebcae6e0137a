package httpserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newServer starts a server on a free port, which ends with the test.
func newServer(t *testing.T, health *httpserver.Health, add func(*httpserver.Server)) (*httpserver.Server, string) {
	t.Helper()
	return newServerWith(t, httpserver.Options{Health: health}, add)
}

// newServerWith is newServer with options of its own.
func newServerWith(t *testing.T, opts httpserver.Options, add func(*httpserver.Server)) (*httpserver.Server, string) {
	t.Helper()
	opts.Title, opts.Version, opts.Setting = "test", "1", "test.listen"
	opts.Metrics = prometheus.NewRegistry()
	if opts.Listen == nil {
		opts.Listen = []string{"127.0.0.1:0"}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := httpserver.New(opts)
	if add != nil {
		add(s)
	}
	require.NoError(t, s.Listen(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx) // A test may have shut it down already.
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return s, "http://" + s.Addrs()[0]
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestHealth(t *testing.T) {
	health := &httpserver.Health{}
	var kafka error
	health.Check("kafka", func() error { return kafka })
	_, url := newServer(t, health, nil)
	expect := func(path string, want int) string {
		t.Helper()
		code, body := get(t, url+path)
		require.Equal(t, want, code, path)
		return body
	}
	expect("/healthz", 200)
	require.JSONEq(t, `{"status":"ready"}`, expect("/readyz", 200))
	kafka = errors.New("is away")
	require.Contains(t, expect("/readyz", 503), "kafka: is away")
	expect("/readyz?for=traffic", 200)
	expect("/healthz", 200)
	expect("/metrics", 200)
	require.Contains(t, expect("/readyz?for=fun", 422), "query.for")
	require.Contains(t, expect("/readyz?x=1", 422), "query.x")
	kafka = nil
	health.Drain()
	require.Contains(t, expect("/readyz?for=traffic", 503), "draining")
	expect("/healthz", 200)
}

func TestWhatNoEndpointTakes(t *testing.T) {
	_, url := newServer(t, &httpserver.Health{}, nil)
	r, err := http.NewRequest(http.MethodPut, url+"/healthz", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	require.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
	code, body := get(t, url+"/nowhere")
	require.Equal(t, http.StatusNotFound, code)
	var p httpserver.Problem
	require.NoError(t, json.Unmarshal([]byte(body), &p))
	require.Equal(t, http.StatusNotFound, p.Status)
	require.Equal(t, p.Detail, p.Error)
}

func TestSchemaDescribesWhatWasAdded(t *testing.T) {
	_, url := newServer(t, nil, func(s *httpserver.Server) {
		s.Handle(http.MethodPost, "/things", http.NotFoundHandler(), httpserver.Doc{
			ID: "things", Summary: "Things", Tag: "t", Body: struct{ Name string }{},
			Answers: map[int]httpserver.Answer{200: {Description: "ok", ContentType: "text/plain"}, 503: {Description: "no", Problem: true}},
		})
	})
	_, body := get(t, url+"/openapi.json")
	require.Contains(t, body, `"/things"`)
	require.Contains(t, body, `application/problem+json`)
	code, _ := get(t, url+"/healthz")
	require.Equal(t, 404, code, "health is elsewhere")
	code, body = get(t, url+"/openapi.yaml")
	require.Equal(t, 200, code)
	require.Contains(t, body, "openapi: 3.1.0")
}

// Requests that are under way are answered; later ones find nobody.
func TestShutdownWaitsForRequests(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	s, url := newServer(t, nil, func(s *httpserver.Server) {
		s.Handle(http.MethodGet, "/slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(began)
			<-finish
			_, _ = w.Write([]byte("done"))
		}), httpserver.Doc{ID: "slow"})
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		code, body := get(t, url+"/slow")
		require.Equal(t, 200, code)
		require.Equal(t, "done", body)
	})
	<-began
	s.Drain()
	down := make(chan error)
	go func() { down <- s.Shutdown(context.Background()) }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond, "it accepts no more")
	close(finish)
	require.NoError(t, <-down)
	wg.Wait()
}

func TestShutdownEndsAtItsDeadline(t *testing.T) {
	began := make(chan struct{})
	s, url := newServer(t, nil, func(s *httpserver.Server) {
		s.Handle(http.MethodGet, "/hang", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(began)
			<-r.Context().Done()
		}), httpserver.Doc{ID: "hang"})
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		resp, err := http.Get(url + "/hang")
		if err == nil {
			_ = resp.Body.Close()
		}
		require.Error(t, err)
	})
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	wg.Wait()
}

func TestListenersThatAreRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	for address, want := range map[string]string{
		taken.Addr().String(): "--test-listen",
		"0.0.0.0:0":           "--auth=none",
		"nonsense":            "test.listen",
	} {
		s := httpserver.New(httpserver.Options{Listen: []string{"127.0.0.1:0", address}, Setting: "test.listen", Log: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, s.Listen(t.Context()), want)
	}
	s := httpserver.New(httpserver.Options{Listen: []string{"0.0.0.0:0"}, Setting: "test.listen", AuthNone: true, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, s.Listen(t.Context()))
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestHostNamesOfALoopbackListener(t *testing.T) {
	_, url := newServer(t, &httpserver.Health{}, nil)
	for host, want := range map[string]int{
		"127.0.0.1": 200, "localhost:8000": 200, "[::1]:1": 200, "a.localhost": 200, "LOCALHOST.": 200,
		"evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "": 200,
	} {
		r, err := http.NewRequest(http.MethodGet, url+"/healthz", nil)
		require.NoError(t, err)
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, want, resp.StatusCode, host)
	}
}

// A request is counted under the pattern that it matched, whatever stands
// between the server and the endpoint.
func TestRequestsAreCountedByRoute(t *testing.T) {
	_, url := newServer(t, &httpserver.Health{}, func(s *httpserver.Server) {
		s.Handle(http.MethodGet, "/things/{name}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), httpserver.Doc{ID: "thing"})
	})
	get(t, url+"/things/a")
	get(t, url+"/things/b")
	get(t, url+"/nowhere")
	_, text := get(t, url+"/metrics")
	require.Contains(t, text, `sluice_http_requests_total{code="418",method="GET",route="/things/{name}",service="test"} 2`)
	require.Contains(t, text, `sluice_http_requests_total{code="404",method="GET",route="none",service="test"} 1`)
}
