package httpserver_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

const page = "https://app.example"

func withCORS(origins ...string) httpserver.Options {
	return httpserver.Options{HTTP: httpserver.Config{CORS: origins}, AuthNone: true}
}

func TestCORSOfAnAllowedOrigin(t *testing.T) {
	_, url := newServerWith(t, withCORS(page, "https://other.example:8443"), whoami)
	resp, _ := send(t, http.MethodPost, url+"/whoami/1", "x", "Origin", page, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, page, resp.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", resp.Header.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "Retry-After, Sluice-Next-Cursor, Sluice-End", resp.Header.Get("Access-Control-Expose-Headers"))
	require.Contains(t, resp.Header.Values("Vary"), "Origin")

	resp, _ = send(t, http.MethodGet, url+"/whoami/1", "")
	require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, resp.Header.Values("Vary"), "Origin", "a cache must tell the two apart")
}

func TestCORSOfAnotherOrigin(t *testing.T) {
	_, url := newServerWith(t, withCORS(page), whoami)
	for _, origin := range []string{"https://evil.example", "http://app.example", "https://app.example:8443", "https://app.example.evil.example", "null"} {
		resp, _ := send(t, http.MethodPost, url+"/whoami/1", "x", "Origin", origin, "Sec-Fetch-Site", "cross-site")
		require.Equal(t, 403, resp.StatusCode, origin)
		require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"), origin)
		resp, _ = send(t, http.MethodOptions, url+"/whoami/1", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		require.Equal(t, 403, resp.StatusCode, origin)
		require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"), origin)
		require.Empty(t, resp.Header.Get("Access-Control-Allow-Methods"), origin)
	}
}

// A preflight has no credential, and needs none.
func TestPreflight(t *testing.T) {
	auth, _ := newAuth(t, "shop", slog.New(slog.DiscardHandler))
	opts := withCORS(page)
	opts.Auth = auth
	_, url := newServerWith(t, opts, whoami)
	resp, body := send(t, http.MethodOptions, url+"/whoami/1", "", "Origin", page,
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type, kafka-header-a,kafka-header-b,kafka-header-, x-other")
	require.Equal(t, 204, resp.StatusCode)
	require.Empty(t, body)
	require.Equal(t, page, resp.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "GET, HEAD, POST", resp.Header.Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Authorization, Content-Encoding, Content-Type, Kafka-Key, Last-Event-ID, X-API-Key, kafka-header-a, kafka-header-b",
		resp.Header.Get("Access-Control-Allow-Headers"))
	require.Equal(t, "600", resp.Header.Get("Access-Control-Max-Age"))
	require.Contains(t, resp.Header.Values("Vary"), "Origin")

	resp, _ = send(t, http.MethodOptions, url+"/nowhere", "", "Origin", page, "Access-Control-Request-Method", "POST")
	require.Equal(t, 404, resp.StatusCode)
	resp, _ = send(t, http.MethodOptions, url+"/whoami/1", "")
	require.Equal(t, 405, resp.StatusCode, "which is no preflight")
	_, url = newServer(t, nil, whoami)
	resp, _ = send(t, http.MethodOptions, url+"/whoami/1", "", "Origin", page, "Access-Control-Request-Method", "POST")
	require.Equal(t, 405, resp.StatusCode, "nobody is allowed")
}

func TestCORSOfEveryOrigin(t *testing.T) {
	auth, key := newAuth(t, "shop", slog.New(slog.DiscardHandler))
	foreign := []string{"Origin", "https://any.example", "Sec-Fetch-Site", "cross-site"}
	for name, c := range map[string]struct {
		opts       httpserver.Options
		credential []string
		want       int
	}{
		"nobody has decided":           {httpserver.Options{}, nil, 403},
		"auth: none":                   {httpserver.Options{AuthNone: true}, nil, 200},
		"a key":                        {httpserver.Options{Auth: auth}, []string{"X-API-Key", key}, 200},
		"a key as bearer":              {httpserver.Options{Auth: auth}, []string{"Authorization", "Bearer " + key}, 200},
		"no key":                       {httpserver.Options{Auth: auth}, nil, 401},
		"what the browser adds itself": {httpserver.Options{Auth: auth}, []string{"Authorization", "Basic eA=="}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			c.opts.HTTP.CORS = []string{"*"}
			_, url := newServerWith(t, c.opts, whoami)
			resp, _ := send(t, http.MethodPost, url+"/whoami/1", "x", append(foreign, c.credential...)...)
			require.Equal(t, c.want, resp.StatusCode)
			require.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
			require.Empty(t, resp.Header.Get("Access-Control-Allow-Credentials"))
			require.Contains(t, resp.Header.Values("Vary"), "Origin")
		})
	}
}

func TestForeignPagesWithoutCORS(t *testing.T) {
	_, url := newServer(t, nil, whoami)
	resp, _ := send(t, http.MethodPost, url+"/whoami/1", "x", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 403, resp.StatusCode)
	resp, _ = send(t, http.MethodPost, url+"/whoami/1", "x", "Origin", "https://evil.example")
	require.Equal(t, 403, resp.StatusCode)
	resp, _ = send(t, http.MethodPost, url+"/whoami/1", "x", "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 200, resp.StatusCode)
	resp, _ = send(t, http.MethodGet, url+"/whoami/1", "", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 200, resp.StatusCode)
}
