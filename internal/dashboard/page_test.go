package dashboard_test

import (
	"net/http"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard"
)

const browserAccepts = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

func TestRootIsThePageForBrowsersAndJSONForOthers(t *testing.T) {
	s := start(t, dashboard.Deps{}, nil, root)
	for accept, html := range map[string]bool{
		browserAccepts: true, "text/html": true, "TEXT/HTML; charset=utf-8": true, "application/xhtml+xml": true,
		"application/json, text/html": true, "text/html;q=0.4, application/json;q=0.3": true,
		"": false, "*/*": false, "text/*": false, "application/json": false, "text/html;q=0": false,
		"text/html;q=0.3, application/json;q=0.4": false, "text/htmlx": false, "text/html;q=many": false, ";;,,": false,
	} {
		t.Run(accept, func(t *testing.T) {
			a := s.ask(http.MethodGet, "/", "", "Accept", accept)
			require.Equal(t, 200, a.code)
			require.Equal(t, "Accept", a.header.Get("Vary"))
			if html {
				require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
				require.Contains(t, string(a.body), "<title>Sluice</title>")
				return
			}
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
			require.JSONEq(t, `{"message":"Microservice B is running!"}`, string(a.body))
		})
	}
}

func TestRootWithAuthentication(t *testing.T) {
	auth, keys := authenticator(t)
	s := start(t, dashboard.Deps{}, auth, root)
	a := s.ask(http.MethodGet, "/", "", "Accept", browserAccepts)
	require.Equal(t, 200, a.code, "a browser gets the page, which asks for a key")
	require.Contains(t, string(a.body), "<title>Sluice</title>")
	require.Empty(t, a.header.Get("WWW-Authenticate"), "or the browser would ask for a password")
	a = s.ask(http.MethodGet, "/", "")
	require.Equal(t, 401, a.code, "as without a dashboard")
	require.NotEmpty(t, a.header.Get("WWW-Authenticate"))
	a = s.ask(http.MethodGet, "/", "", "Authorization", "Bearer "+keys["reader"])
	require.Equal(t, 200, a.code)
	require.JSONEq(t, `{"message":"Microservice B is running!"}`, string(a.body))
	require.Equal(t, 200, s.ask(http.MethodGet, "/dashboard", "").code, "it holds no data")
	require.Equal(t, 200, s.ask(http.MethodGet, "/dashboard/assets/main.js", "").code)
	require.Equal(t, 401, s.ask(http.MethodGet, "/dashboard/state", "").code)
}

func TestEveryFileHasATypeAndHeaders(t *testing.T) {
	s := start(t, dashboard.Deps{}, nil, nil)
	entries, err := os.ReadDir("assets")
	require.NoError(t, err)
	require.Greater(t, len(entries), 20)
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	paths := map[string]string{"/dashboard": "text/html; charset=utf-8"}
	for _, entry := range entries {
		if entry.Name() != "index.html" {
			require.Contains(t, types, path.Ext(entry.Name()))
			paths["/dashboard/assets/"+entry.Name()] = types[path.Ext(entry.Name())]
		}
	}
	for path, contentType := range paths {
		a := s.ask(http.MethodGet, path, "")
		require.Equal(t, 200, a.code, path)
		require.Equal(t, contentType, a.header.Get("Content-Type"), path)
		require.Equal(t, "no-cache", a.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		policy := a.header.Get("Content-Security-Policy")
		for _, directive := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:", "base-uri 'none'",
			"frame-ancestors 'none'", "form-action 'self'", "require-trusted-types-for 'script'",
		} {
			require.Contains(t, policy, directive)
		}
		require.NotContains(t, policy, "unsafe")
		tag := a.header.Get("ETag")
		require.NotEmpty(t, tag)
		again := s.ask(http.MethodGet, path, "", "If-None-Match", tag)
		require.Equal(t, 304, again.code)
		require.Empty(t, again.body)
		require.Equal(t, 200, s.ask(http.MethodGet, path, "", "If-None-Match", `"another"`).code)
		require.Empty(t, s.ask(http.MethodHead, path, "").body)
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	s := start(t, dashboard.Deps{}, nil, nil)
	for _, path := range []string{
		"/dashboard/assets/", "/dashboard/assets/nothing.js", "/dashboard/assets/index.html", "/dashboard/assets/..%2fdoc.go",
		"/dashboard/assets/%2e%2e/doc.go", "/dashboard/assets/main.js%00", "/dashboard/assets/a/b.js",
	} {
		a := s.ask(http.MethodGet, path, "")
		require.Equal(t, 404, a.code, path)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	}
	require.Equal(t, 405, s.ask(http.MethodPost, "/dashboard", "").code)
	require.Equal(t, 404, s.ask(http.MethodPost, "/dashboard/records", "{}").code, "there is nothing to write with")
}

// What the page is made of asks no other host, has no inline script or style,
// and never makes markup of text.
func TestTheFilesKeepToThePolicy(t *testing.T) {
	entries, err := os.ReadDir("assets")
	require.NoError(t, err)
	for _, entry := range entries {
		body, err := os.ReadFile("assets/" + entry.Name())
		require.NoError(t, err)
		text := strings.ReplaceAll(string(body), "http://www.w3.org/2000/svg", "")
		for _, banned := range []string{
			"http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc", "javascript:",
			"style=", "<style", "onclick=\"", "setAttribute(\"style\"", "DOMParser", "createContextualFragment",
		} {
			require.NotContains(t, text, banned, entry.Name())
		}
		require.LessOrEqual(t, strings.Count(text, "\n"), 200, "%s: one job a file", entry.Name())
	}
}
