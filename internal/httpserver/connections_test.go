package httpserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

// dial opens a connection that ends with the test.
func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	// Nothing here takes long; a test that waits for ever says nothing.
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// ask does a request on a connection, and reports whether it was answered.
func ask(conn net.Conn, path string) bool {
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// closed waits until the other side has closed.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is still open")
}

// hang is an endpoint that answers when the test says so.
type hang struct{ began, finish chan struct{} }

func newHang() *hang { return &hang{make(chan struct{}, 100), make(chan struct{})} }

func (h *hang) register(s *httpserver.Server) {
	s.Handle(http.MethodGet, "/hang", h, httpserver.Doc{ID: "hang"})
	s.Handle(http.MethodGet, "/quick", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), httpserver.Doc{ID: "quick"})
}

func (h *hang) ServeHTTP(http.ResponseWriter, *http.Request) {
	h.began <- struct{}{}
	<-h.finish
}

// rests waits until the server knows of n idle connections.
func rests(t *testing.T, s *httpserver.Server, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Idle() == n }, time.Minute, time.Millisecond)
}

func TestTooManyConnections(t *testing.T) {
	out, h := &output{}, newHang()
	s, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{Connections: 3}, Log: out.logger()}, h.register)

	idle := []net.Conn{dial(t, url), dial(t, url)}
	for i, conn := range idle {
		require.True(t, ask(conn, "/quick"))
		rests(t, s, i+1)
	}
	busy := dial(t, url)
	var wg sync.WaitGroup
	wg.Go(func() { require.True(t, ask(busy, "/hang"), "it was not the one to go") })
	<-h.began

	// The one that is idle for longest makes room for a new one.
	third := dial(t, url)
	require.True(t, ask(third, "/quick"))
	closed(t, idle[0])
	require.True(t, ask(idle[1], "/quick"))
	rests(t, s, 2)

	// When all of them are busy, the new one goes.
	for _, conn := range []net.Conn{idle[1], third} {
		wg.Go(func() { require.True(t, ask(conn, "/hang")) })
		<-h.began
	}
	for range 10 {
		closed(t, dial(t, url))
	}
	close(h.finish)
	wg.Wait()
	// And when one has gone, there is room without anybody's harm.
	require.NoError(t, busy.Close())
	require.Eventually(t, func() bool { return ask(dial(t, url), "/quick") }, time.Minute, time.Millisecond)
	require.Contains(t, out.String(), "a connection was closed")
	require.Equal(t, 1, strings.Count(out.String(), "a connection was closed"), "a flood does not fill the log")
}

func TestTooManyConnectionsOfAnAddress(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []string
		refused bool
	}{"anybody": {nil, true}, "a trusted proxy": {[]string{"127.0.0.1"}, false}} {
		t.Run(name, func(t *testing.T) {
			h := newHang()
			_, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{ConnectionsPerAddress: 2, TrustedProxies: c.trusted}}, h.register)
			first, second, third := dial(t, url), dial(t, url), dial(t, url)
			require.True(t, ask(first, "/quick"))
			require.True(t, ask(second, "/quick"))
			require.Equal(t, !c.refused, ask(third, "/quick"))
			require.NoError(t, first.Close())
			require.Eventually(t, func() bool { return ask(dial(t, url), "/quick") }, time.Minute, time.Millisecond)
		})
	}
}

// Health on a server of its own answers when the public one is full.
func TestHealthElsewhereWorksWhenTheServerIsFull(t *testing.T) {
	h := newHang()
	_, public := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{Connections: 1}}, h.register)
	_, admin := newServer(t, &httpserver.Health{}, nil)
	conn := dial(t, public)
	var wg sync.WaitGroup
	wg.Go(func() { ask(conn, "/hang") })
	<-h.began
	closed(t, dial(t, public))
	code, _ := get(t, admin+"/healthz")
	require.Equal(t, 200, code)
	close(h.finish)
	wg.Wait()
}

// Clients that never end their headers are nobody else's problem.
func TestSlowHeadersHoldUpNobody(t *testing.T) {
	h := newHang()
	_, url := newServer(t, nil, h.register)
	for range 500 {
		_, err := io.WriteString(dial(t, url), "GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		require.NoError(t, err)
	}
	for range 20 {
		require.True(t, ask(dial(t, url), "/quick"))
	}
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	_, url := newServer(t, nil, newHang().register)
	resp, _ := send(t, http.MethodGet, url+"/quick", "", "X-Large", strings.Repeat("x", 80<<10))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}

// An endpoint sets the time that a body has; without a deadline it waits until
// the request is over.
func TestDeadlineOfABody(t *testing.T) {
	result := make(chan error, 1)
	_, url := newServer(t, nil, func(s *httpserver.Server) {
		s.Handle(http.MethodPost, "/body", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpserver.ExtendRead(w, time.Millisecond)
			_, err := io.Copy(io.Discard, r.Body)
			result <- err
		}), httpserver.Doc{ID: "body"})
		s.Handle(http.MethodPost, "/stream", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpserver.ExtendRead(w, 0)
			_, err := io.Copy(io.Discard, r.Body)
			result <- err
		}), httpserver.Doc{ID: "stream"})
	})
	slow := dial(t, url)
	_, err := io.WriteString(slow, "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabc")
	require.NoError(t, err)
	require.ErrorIs(t, <-result, os.ErrDeadlineExceeded)

	stream := dial(t, url)
	_, err = io.WriteString(stream, "POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabc")
	require.NoError(t, err)
	_, err = io.WriteString(stream, "de")
	require.NoError(t, err)
	require.NoError(t, <-result)
	httpserver.ExtendRead(noDeadline{}, time.Second) // A recorder in somebody's test.
}

type noDeadline struct{ http.ResponseWriter }

// A connection that a handler takes over still counts until it is closed.
func TestConnectionsThatAreTakenOver(t *testing.T) {
	taken := make(chan net.Conn, 1)
	s, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{Connections: 1}}, func(s *httpserver.Server) {
		s.Handle(http.MethodGet, "/take", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				taken <- conn
			}
		}), httpserver.Doc{ID: "take"})
	})
	_, err := io.WriteString(dial(t, url), "GET /take HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	conn := <-taken
	closed(t, dial(t, url))
	require.NoError(t, conn.Close())
	require.NoError(t, s.Shutdown(context.Background()))
}
