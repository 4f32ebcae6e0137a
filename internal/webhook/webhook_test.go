package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/internal/webhook"
	"sluice/record"
)

// kept is an endpoint that keeps the requests that it gets.
type kept struct {
	mu      sync.Mutex
	headers []http.Header
	bodies  []string
}

func (k *kept) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // What is missing is seen in the body.
	k.mu.Lock()
	defer k.mu.Unlock()
	h := r.Header.Clone()
	h.Set("Test-Request", r.Method+" "+r.RequestURI+" "+r.Proto)
	k.headers, k.bodies = append(k.headers, h), append(k.bodies, string(body))
}

func TestARequest(t *testing.T) {
	k := &kept{}
	h := newHook(t, webhook.Config{URL: serve(t, k.ServeHTTP) + "/hook?a=b", AllowNetworks: loopback, SecretsFile: write(t, "secrets", oldSecret+"\n"+newSecret)})
	r := order()
	r.Headers = []record.Header{
		{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
		{Key: "tracestate", Value: []byte("congo=t61rcWkgMzE")},
		{Key: "webhook-id", Value: []byte("forged")},
	}
	before := time.Now().Unix()
	require.NoError(t, h.Handle(t.Context(), r))
	require.NoError(t, h.Handle(t.Context(), r))

	require.Len(t, k.headers, 2)
	require.Equal(t, string(r.Value), k.bodies[0])
	got := k.headers[0]
	for name, want := range map[string]string{
		"Test-Request":            "POST /hook?a=b HTTP/1.1",
		"Content-Type":            "application/json",
		"Traceparent":             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"Tracestate":              "congo=t61rcWkgMzE",
		"webhook-id":              "--------------------_w-3-4711-billing",
		"kafka-header-webhook-id": "forged",
		"kafka-key":               "customer-7",
		"kafka-topic":             "orders",
	} {
		require.Equal(t, []string{want}, got.Values(name), name)
	}
	require.True(t, strings.HasPrefix(got.Get("User-Agent"), "Sluice/"), got.Get("User-Agent"))
	require.NotContains(t, got, "Accept-Encoding")
	require.NotContains(t, got, "Idempotency-Key")
	require.Equal(t, got.Get("webhook-id"), k.headers[1].Get("webhook-id"), "each attempt has the same id")

	require.Len(t, strings.Fields(got.Get("webhook-signature")), 2)
	for _, secret := range []string{oldSecret, newSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		require.NoError(t, verifier.Verify(r.Value, got))
		require.Error(t, verifier.Verify(append([]byte(" "), r.Value...), got))
		other := got.Clone()
		other.Set("webhook-id", "another")
		require.Error(t, verifier.Verify(r.Value, other))
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_AAAAr8GKYqrTwjUPD8ILPZIo2LaLaSwAAA==")
	require.NoError(t, err)
	require.ErrorIs(t, stranger.Verify(r.Value, got), standardwebhooks.ErrNoMatchingSignature)
	at, err := strconv.ParseInt(got.Get("webhook-timestamp"), 10, 64)
	require.NoError(t, err)
	require.GreaterOrEqual(t, at, before)

	require.Equal(t, 2.0, h.requests(t, "2xx"))
	require.Equal(t, 2.0, h.metric(t, "sluice_webhook_request_duration_seconds"))
}

func TestWithoutSecretsRequestsAreNotSigned(t *testing.T) {
	k := &kept{}
	h := newHook(t, webhook.Config{URL: serve(t, k.ServeHTTP), AllowNetworks: loopback})
	require.NoError(t, h.Handle(t.Context(), order()))
	require.NotContains(t, k.headers[0], "Webhook-Signature")
	require.NotEmpty(t, k.headers[0].Get("webhook-id"))
	require.NotEmpty(t, k.headers[0].Get("webhook-timestamp"))
}

func TestValues(t *testing.T) {
	tests := []struct {
		name      string
		value     []byte
		kind      string
		tombstone string
	}{
		{"a tombstone", nil, "", "true"},
		{"an empty value", []byte{}, "text/plain; charset=utf-8", ""},
		{"bytes", []byte("\x00\xff\r\n"), "application/octet-stream", ""},
		{"a megabyte", bytes.Repeat([]byte("a"), 1<<20), "text/plain; charset=utf-8", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &kept{}
			h := newHook(t, webhook.Config{URL: serve(t, k.ServeHTTP), AllowNetworks: loopback, SecretsFile: write(t, "secrets", oldSecret)})
			r := order()
			r.Value = tt.value
			require.NoError(t, h.Handle(t.Context(), r))
			require.Equal(t, string(tt.value), k.bodies[0])
			require.Equal(t, tt.kind, k.headers[0].Get("Content-Type"))
			require.Equal(t, tt.tombstone, k.headers[0].Get("kafka-tombstone"))
			verifier, err := standardwebhooks.NewWebhook(oldSecret)
			require.NoError(t, err)
			require.NoError(t, verifier.Verify([]byte(k.bodies[0]), k.headers[0]))
		})
	}
}

func TestABadTraceIsNotPassedOn(t *testing.T) {
	k := &kept{}
	h := newHook(t, webhook.Config{URL: serve(t, k.ServeHTTP), AllowNetworks: loopback})
	r := order()
	r.Headers = []record.Header{{Key: "traceparent", Value: []byte("00-0\r\nx: y")}, {Key: "tracestate", Value: []byte("a=b")}}
	require.NoError(t, h.Handle(t.Context(), r))
	require.NotContains(t, k.headers[0], "Traceparent")
	require.NotContains(t, k.headers[0], "Tracestate")
}

func TestStatuses(t *testing.T) {
	tests := []struct {
		status  int
		outcome string
		err     string
	}{
		{200, "2xx", ""},
		{202, "2xx", ""},
		{204, "2xx", ""},
		{299, "2xx", ""},
		{301, "3xx", "answered 301 Moved Permanently: redirects are not followed: set webhook.url to where this one leads"},
		{304, "3xx", "answered 304 Not Modified"},
		{307, "3xx", "answered 307 Temporary Redirect"},
		{400, "4xx", "answered 400 Bad Request"},
		{404, "4xx", "answered 404 Not Found"},
		{431, "4xx", "answered 431 Request Header Fields Too Large"},
		{499, "4xx", "answered 499"},
		{500, "5xx", "answered 500 Internal Server Error"},
		{503, "5xx", "answered 503 Service Unavailable"},
		{999, "other", "answered 999"},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			h := newHook(t, webhook.Config{URL: serve(t, answer(tt.status, "Location", "/elsewhere?secret")) + "/s3cret?s3cret", AllowNetworks: loopback})
			v := h.Deliver(t.Context(), order())
			require.Zero(t, v.After)
			require.Zero(t, v.Hold)
			require.Equal(t, 1.0, h.requests(t, tt.outcome))
			require.Equal(t, 1.0, h.metric(t, "sluice_webhook_requests_total"), "one request, and no redirect")
			if tt.err == "" {
				require.NoError(t, v.Err)
				return
			}
			require.ErrorContains(t, v.Err, tt.err)
			for _, not := range []string{"s3cret", "elsewhere", "the body", "9.90", "customer-7"} {
				require.NotContains(t, v.Err.Error(), not)
				require.NotContains(t, h.log.String(), not)
			}
		})
	}
}

func TestResults(t *testing.T) {
	err := errors.New("answered 500")
	require.NoError(t, webhook.Verdict{}.Result())
	require.Equal(t, err, webhook.Verdict{Err: err}.Result())
	require.Equal(t, consumer.RetryAfter(err, time.Second), webhook.Verdict{Err: err, After: time.Second}.Result())
	require.Equal(t, consumer.Hold(err, time.Second), webhook.Verdict{Err: err, Hold: time.Second}.Result())
}

// raw serves connections by hand.
func raw(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer func() { _ = conn.Close() }(); f(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); wg.Wait() })
	return "http://" + listener.Addr().String()
}

// readRequest reads what was sent, so that closing is no reset.
func readRequest(conn net.Conn) { _, _ = conn.Read(make([]byte, 64<<10)) }

func TestConnectionsThatFail(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	unused := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	secure := httptest.NewTLSServer(answer(http.StatusOK))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(secure.Close)
	tests := []struct{ name, url, outcome, err string }{
		{"nobody listens", unused, "connection", "could not be connected to: dial tcp 127.0.0.1:"},
		{"closes at once", raw(t, func(net.Conn) {}), "connection", ""},
		{"closes before it answers", raw(t, readRequest), "connection", "closed the connection before it answered"},
		{"closes half-way through the header", raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
		}), "connection", "lost the connection, or its answer is not HTTP"},
		{"answers something else", raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "{\"total\":\"9.90\"}\r\n\r\n")
		}), "connection", "lost the connection, or its answer is not HTTP"},
		{"answers no status", raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 9.90\r\n\r\n")
		}), "connection", "its answer is not HTTP"},
		{"an endless header", raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, "X: "+strings.Repeat("9.90", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}), "connection", ""},
		{"no TLS", strings.Replace(serve(t, answer(200)), "http:", "https:", 1), "connection", "does not speak TLS at this port"},
		{"TLS where none is expected", strings.Replace(secure.URL, "https:", "http:", 1), "4xx", "answered 400 Bad Request"},
		{"a certificate that is not trusted", secure.URL, "connection", "has a certificate that is not trusted: x509: "},
		{"no such name", "http://billing.invalid", "connection", "has a name that cannot be looked up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook(t, webhook.Config{URL: tt.url + "/s3cret", AllowNetworks: loopback})
			v := h.Deliver(t.Context(), order())
			require.ErrorContains(t, v.Err, tt.err)
			require.Zero(t, v.Hold)
			require.Equal(t, 1.0, h.requests(t, tt.outcome), v.Err)
			require.NotContains(t, v.Err.Error(), "s3cret")
			require.NotContains(t, v.Err.Error(), "9.90")
		})
	}
}

func TestHTTP2(t *testing.T) {
	k := &kept{}
	server := httptest.NewUnstartedServer(k)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	h := newHook(t, webhook.Config{URL: server.URL, AllowNetworks: loopback})
	h.Trust(server.Certificate())
	r := order()
	r.Headers = []record.Header{{Key: "correlationId", Value: []byte("é")}, {Key: "ce_id", Value: []byte("1")}}
	require.NoError(t, h.Deliver(t.Context(), r).Err)
	require.Equal(t, "POST / HTTP/2.0", k.headers[0].Get("Test-Request"))
	got, err := readHeaders(k.headers[0])
	require.NoError(t, err)
	require.ElementsMatch(t, []header{{"correlationId", []byte("é")}, {"ce_id", []byte("1")}}, got)
}

func TestAnEndpointThatHangs(t *testing.T) {
	for name, f := range map[string]func(net.Conn){
		"says nothing": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"stops in its header": func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			_, _ = io.Copy(io.Discard, c)
		},
		"sends its header without end": func(c net.Conn) {
			readRequest(c)
			for _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nX: "); err == nil; {
				_, err = c.Read(make([]byte, 1<<10)) // Ends with the connection.
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t, webhook.Config{URL: raw(t, f), AllowNetworks: loopback, Timeout: 50 * time.Millisecond})
			v := h.Deliver(t.Context(), order())
			require.ErrorContains(t, v.Err, "has not answered in time")
			require.Equal(t, 1.0, h.requests(t, "timeout"))
		})
	}
}

// TestAnAnswerWithoutEnd says that the status counts, and that no more is read
// than has to be.
func TestAnAnswerWithoutEnd(t *testing.T) {
	var sent int
	done := make(chan struct{})
	h := newHook(t, webhook.Config{AllowNetworks: loopback, URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		w.Header().Set("Content-Length", "1073741824")
		chunk := make([]byte, 64<<10)
		for sent < 1<<30 {
			n, err := w.Write(chunk)
			sent += n
			if err != nil {
				return
			}
		}
	})})
	require.NoError(t, h.Deliver(t.Context(), order()).Err)
	<-done
	require.Less(t, sent, 64<<20, "what is in the buffers of the kernel, at most")
}

func TestABodyThatBreaksOffChangesNothing(t *testing.T) {
	for _, status := range []string{"200 OK", "500 Oops"} {
		h := newHook(t, webhook.Config{AllowNetworks: loopback, URL: raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 100\r\n\r\nhalf")
		})})
		err := h.Deliver(t.Context(), order()).Err
		require.Equal(t, status == "200 OK", err == nil, err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var mu sync.Mutex
	conns := map[string]bool{}
	h := newHook(t, webhook.Config{AllowNetworks: loopback, URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		conns[r.RemoteAddr] = true
		_, _ = w.Write(make([]byte, 32<<10)) // The client may be gone.
	})})
	for range 5 {
		require.NoError(t, h.Deliver(t.Context(), order()).Err)
	}
	require.Len(t, conns, 1)
}

func TestWhatWeCutShortCountsForNothing(t *testing.T) {
	began := make(chan struct{}, 1)
	h := newHook(t, webhook.Config{AllowNetworks: loopback, URL: raw(t, func(c net.Conn) {
		readRequest(c)
		began <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
	})})
	lost := errors.New("the partition was lost")
	for range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { <-began; cancel(lost) })
		v := h.Deliver(ctx, order())
		wg.Wait()
		require.ErrorIs(t, v.Err, lost)
		require.Zero(t, v.Hold)
	}
	require.Equal(t, 20.0, h.requests(t, "canceled"))
	require.Zero(t, h.metric(t, "sluice_webhook_breaker_open"))
}

// TestTheDeadlineOfTheHandlerIsATimeout: consumer.Config.Timeout may be shorter
// than the webhook's own.
func TestTheDeadlineOfTheHandlerIsATimeout(t *testing.T) {
	h := newHook(t, webhook.Config{AllowNetworks: loopback, URL: raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, h.Deliver(ctx, order()).Err, "has not answered in time")
	require.Equal(t, 1.0, h.requests(t, "timeout"))
}
