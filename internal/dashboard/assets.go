package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"path"
	"strconv"
	"time"

	"sluice/internal/httpserver"
)

//go:embed assets
var assets embed.FS

// contentTypes of the files; one with another ending is a mistake of ours, and
// TestEveryFileHasAType finds it.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets the page run its own files and ask its own service, and nothing
// else: no inline script or style, no other host, no frame. Trusted types make
// every way in which text could become markup an error, so that a mistake in
// the page is not a hole.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

// file is one that comes with the binary.
type file struct {
	body              []byte
	contentType, etag string
}

// embedded reads the files, by their names, and the page.
func embedded() (files map[string]file, page file) {
	entries, err := assets.ReadDir("assets")
	if err != nil {
		return nil, file{} // It was embedded: it is there.
	}
	files = map[string]file{}
	for _, entry := range entries {
		body, err := assets.ReadFile("assets/" + entry.Name())
		if err != nil {
			continue // As above.
		}
		sum := sha256.Sum256(body)
		files[entry.Name()] = file{
			body: body, contentType: contentTypes[path.Ext(entry.Name())],
			etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
	}
	page = files["index.html"]
	delete(files, "index.html")
	return files, page
}

// serve answers with the file, or with 304 where the client has it. It is asked
// for with each load: replicas of two versions may stand behind one address, so
// that a name which were kept for long could be that of the other one's file.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Parts of it, and answers to other conditions, are not worth a promise.
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since"} {
		r.Header.Del(name)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

func (d *Dashboard) serveFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	f, ok := d.files[name]
	if !ok {
		httpserver.NewProblem(http.StatusNotFound, "the dashboard has no file "+strconv.Quote(name)).Write(w)
		return
	}
	f.serve(w, r)
}
