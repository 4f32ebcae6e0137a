package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
)

// pipes is a listener without a network, so that time can be made up.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p.conns); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve serves a handler over pipes until the test ends, and returns a client's
// end.
func serve(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	p := pipes{make(chan net.Conn)}
	server := &http.Server{Handler: h}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(p) })
	client, end := net.Pipe()
	p.conns <- end
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
		serving.Wait()
	})
	return client
}

func upgrade(t *testing.T, conn net.Conn) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "http://b/ws", &websocket.DialOptions{ //nolint:bodyclose // The library has read what there is.
		Subprotocols: []string{subprotocol},
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return conn, nil
		}}},
	})
	require.NoError(t, err)
	return c
}

// Who does not say what he wants is asked to go, and may come again.
func TestNoSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, err := stream.New(stream.DefaultConfig(), stream.Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
		require.NoError(t, err)
		t.Cleanup(hub.Close)
		a := &API{hub: hub, policy: Policy{[]string{"*"}}, filters: filter.NewSet()}
		began := time.Now()
		c := upgrade(t, serve(t, http.HandlerFunc(a.socket)))
		_, _, err = c.Read(t.Context())
		require.Equal(t, closeSilent, websocket.CloseStatus(err))
		require.Equal(t, subscribeTime, time.Since(began))
	})
}

// A client that answers no ping is gone: a connection may be half open for ever.
func TestHalfOpen(t *testing.T) {
	for name, answers := range map[string]bool{"one that answers stays": true, "one that does not is gone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Duration, 1)
				client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}})
					if err != nil {
						return
					}
					ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
					defer cancel()
					began := time.Now()
					var reading sync.WaitGroup
					reading.Go(func() { _, _, _ = conn.Read(context.Background()) })
					(&session{conn: conn}).ping(ctx)
					ended <- time.Since(began)
					_ = conn.CloseNow()
					reading.Wait()
				}))
				if answers {
					c := upgrade(t, client)
					_, _, _ = c.Read(t.Context())
					require.Equal(t, time.Hour, <-ended)
					return
				}
				go func() { _, _ = io.Copy(io.Discard, client) }()
				_, err := fmt.Fprint(client, "GET /ws HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
				require.NoError(t, err)
				require.Equal(t, pingEvery+pongTime, <-ended)
			})
		})
	}
}

// What is held back is sent when it is due, when it is much, and before a ping.
func TestCork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, end := net.Pipe()
		defer func() { _ = client.Close() }()
		got := make(chan int, 100)
		go func() {
			buf := make([]byte, 1<<20)
			for {
				n, err := client.Read(buf)
				if err != nil {
					close(got)
					return
				}
				got <- n
			}
		}()
		c := &cork{Conn: end, pieces: &pieces{}}
		write := func(n int) {
			t.Helper()
			written, err := c.Write(make([]byte, n))
			require.NoError(t, err)
			require.Equal(t, n, written)
		}
		c.hold(true)
		write(10)
		write(20)
		synctest.Wait()
		require.Empty(t, got)
		require.NoError(t, c.send())
		require.Equal(t, 30, <-got)
		write(pieceBytes + 5)
		require.Equal(t, pieceBytes, <-got)
		c.hold(false)
		write(2)
		require.Equal(t, 7, <-got)
		require.NoError(t, c.send())
		require.Nil(t, c.held, "who is idle holds no buffer")
		require.NoError(t, end.Close())
		_, err := c.Write([]byte("x"))
		require.Error(t, err)
		_, open := <-got
		require.False(t, open)
	})
}

// A client that does not read has its time, and no more.
func TestCorkDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, end := net.Pipe()
		defer func() { _ = client.Close() }()
		c := &cork{Conn: end, pieces: &pieces{}}
		began := time.Now()
		_, err := c.Write([]byte("x"))
		require.Error(t, err)
		require.Equal(t, writePatience, time.Since(began))
	})
}

func TestClosingCodes(t *testing.T) {
	problem := func(status int) error { return &rejected{httpserver.NewProblem(status, "no")} }
	for _, c := range []struct {
		err  error
		code websocket.StatusCode
	}{
		{problem(401), 1008},
		{problem(403), 1008},
		{problem(404), 4504},
		{problem(422), 4522},
		{&stream.Bye{Reason: stream.ByeDrain}, 1012},
		{&stream.Bye{Reason: stream.ByeOverload}, 1013},
		{&stream.Bye{Reason: stream.ByeKafkaAway}, 1013},
		{&stream.Bye{Reason: stream.ByeAuth}, 1008},
		{&stream.Bye{Reason: stream.ByeFilterCost}, 4510},
		{&stream.Bye{Reason: stream.ByeSlow}, 4002},
		{&stream.Bye{Reason: stream.ByeReplayLimit}, 4001},
		{errSilent, 4008},
		{errBinary, 1003},
		{errUnexpected, 4500},
		{io.EOF, 1001},
	} {
		code, reason := closing(c.err)
		require.Equal(t, c.code, code, c.err)
		require.LessOrEqual(t, len(reason), maxReason)
		if bye, ok := errors.AsType[*stream.Bye](c.err); ok && code >= 4000 {
			require.Equal(t, bye.Retry(), code < 4500, "%s: 4000 to 4499 come again", bye.Reason)
		}
	}
	long := reason(strings.Repeat("ä", 100))
	require.LessOrEqual(t, len(long), maxReason)
	require.True(t, utf8.ValidString(long))
}

// The heartbeat is a comment, and no event.
func TestBeat(t *testing.T) {
	var out strings.Builder
	s := &sse{w: writer{&out}, control: http.NewResponseController(writer{&out})}
	require.NoError(t, s.Beat())
	require.Equal(t, ":\n\n", out.String())
}

type writer struct{ io.Writer }

func (writer) Header() http.Header { return http.Header{} }
func (writer) WriteHeader(int)     {}

func TestPolicy(t *testing.T) {
	p := Policy{Patterns: []string{"*", "named.dlq", "__named"}}
	for topic, want := range map[string]bool{
		"orders": true, "a.b": true, "named.dlq": true, "__named": true,
		"__consumer_offsets": false, "orders.g.dlq": false, "orders.g.retry": false, "orders.g.redrives": false,
	} {
		require.Equal(t, want, p.Allows(topic), topic)
	}
	require.False(t, Policy{}.Allows("orders"))
	require.False(t, Policy{Patterns: []string{"orders*"}}.Allows("order"))
}
