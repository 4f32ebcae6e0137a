package pages_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/pages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tree() fstest.MapFS {
	return fstest.MapFS{
		"index.html":     {Data: []byte("<p>root")},
		"main.js":        {Data: []byte("1")},
		"map/index.html": {Data: []byte("<p>map")},
		"map/roads.json": {Data: []byte("{}")},
		"map/pin.svg":    {Data: []byte("<svg/>")},
	}
}

func load(t *testing.T) *pages.Files {
	t.Helper()
	files, err := pages.Load(tree())
	require.NoError(t, err)
	return files
}

// ask asks for a name below /fleet/, and reports whether it was served.
func ask(t *testing.T, files *pages.Files, target string, headers ...string) (*httptest.ResponseRecorder, bool) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/fleet/"+target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	served := files.Serve(w, r, r.URL.Path[len("/fleet/"):])
	return w, served
}

func TestWhichFileIsServed(t *testing.T) {
	files := load(t)
	for name, c := range map[string]struct {
		target, body, kind, location string
		status                       int // 0: not served
	}{
		"the page":                   {"", "<p>root", "text/html; charset=utf-8", "", 200},
		"the page by its name":       {"index.html", "<p>root", "text/html; charset=utf-8", "", 200},
		"a script":                   {"main.js", "1", "text/javascript; charset=utf-8", "", 200},
		"a folder's page":            {"map/", "<p>map", "text/html; charset=utf-8", "", 200},
		"a folder":                   {"map", "", "", "/fleet/map/", 307},
		"a folder, with a query":     {"map?prefix=a.&x=1", "", "", "/fleet/map/?prefix=a.&x=1", 307},
		"a file in a folder":         {"map/roads.json", "{}", "application/json", "", 200},
		"a picture":                  {"map/pin.svg", "<svg/>", "image/svg+xml", "", 200},
		"no file":                    {"other.js", "", "", "", 0},
		"a folder without a page":    {"maps/", "", "", "", 0},
		"a file taken for a folder":  {"main.js/", "", "", "", 0},
		"a way out":                  {"../secret.js", "", "", "", 0},
		"a way out, percent-encoded": {"..%2fsecret.js", "", "", "", 0},
		"another host":               {"/evil.example/", "", "", "", 0},
		"a NUL":                      {"main.js%00", "", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			answer, served := ask(t, files, c.target)
			require.Equal(t, c.status != 0, served)
			if !served {
				require.Empty(t, answer.Header())
				return
			}
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, c.location, answer.Header().Get("Location"))
			if c.status == 200 {
				require.Equal(t, c.body, answer.Body.String())
				require.Equal(t, c.kind, answer.Header().Get("Content-Type"))
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	files := load(t)
	answer, _ := ask(t, files, "main.js")
	h := answer.Header()
	require.Equal(t, "no-cache", h.Get("Cache-Control"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
	tag := h.Get("ETag")
	require.NotEmpty(t, tag)
	for name, c := range map[string]struct {
		header, value string
		status        int
	}{
		"the client has it":     {"If-None-Match", tag, 304},
		"it has another":        {"If-None-Match", `"x"`, 200},
		"a part is not given":   {"Range", "bytes=0-0", 200},
		"a condition on a date": {"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 200},
		"a condition on a tag":  {"If-Match", `"x"`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			answer, _ := ask(t, files, "main.js", c.header, c.value)
			require.Equal(t, c.status, answer.Code)
			if c.status == 200 {
				require.Equal(t, "1", answer.Body.String())
			}
		})
	}
	other, _ := ask(t, files, "map/roads.json")
	require.NotEqual(t, tag, other.Header().Get("ETag"))
}

func TestTreesThatAreNoPage(t *testing.T) {
	for name, c := range map[string]struct {
		tree fstest.MapFS
		want string
	}{
		"nothing":          {fstest.MapFS{}, "there is no index.html"},
		"no index":         {fstest.MapFS{"a.js": {}}, "there is no index.html"},
		"an unknown type":  {fstest.MapFS{"index.html": {}, "a/b.exe": {}}, "a/b.exe has an ending"},
		"no ending at all": {fstest.MapFS{"index.html": {}, "LICENSE": {}}, "LICENSE has an ending"},
		"a link":           {fstest.MapFS{"index.html": {}, "a.js": {Mode: fs.ModeSymlink}}, "a.js is not a plain file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pages.Load(c.tree)
			require.ErrorContains(t, err, c.want)
		})
	}
	var none pages.Files
	_, served := ask(t, &none, "")
	require.False(t, served)
}
