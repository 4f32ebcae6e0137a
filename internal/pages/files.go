package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy lets a page run its own files and ask its own service, and nothing
// else: no inline script or style, no other host, no frame. Trusted types make
// every way in which text could become markup an error, so that a mistake in
// the page is not a hole.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

// index is the file that stands for its folder.
const index = "index.html"

// Files are those of a page and of what it loads, by their names; the zero value
// has none. They are never changed, so all methods may be called at any time
// from any goroutine.
type Files struct {
	all map[string]file
}

// file is one that is served.
type file struct {
	body              []byte
	contentType, etag string
}

// Load reads all files of a tree. The tree must have an index.html, and every
// file in it must be of a type that pages are made of. What is changed in the
// tree later is not seen.
func Load(tree fs.FS) (*Files, error) {
	f := &Files{all: map[string]file{}}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is not a plain file", name)
		}
		kind := contentType(path.Ext(name))
		if kind == "" {
			return fmt.Errorf("%s has an ending that no type is known for: take it out of the page's files, or give it one of .html, .css, .js, .mjs, .json, .map, .txt, .svg, .png, .jpg, .jpeg, .webp, .ico", name)
		}
		body, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		f.all[name] = file{body, kind, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, ok := f.all[index]; !ok {
		return nil, fmt.Errorf("there is no %s among the page's files", index)
	}
	return f, nil
}

// Serve answers with a file, or with 304 where the client has it. A name that is
// empty or ends with a slash means the index.html of that folder, and a folder's
// name without the slash is redirected to the one with it. When there is no such
// file nothing is answered and the result is false.
//
// A file is asked for with each load: replicas of two versions may stand behind
// one address, so that a name which were kept for long could be that of the
// other one's file.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	if name == "" || strings.HasSuffix(name, "/") {
		name += index
	}
	if found, ok := f.all[name]; ok {
		found.serve(w, r)
		return true
	}
	if _, ok := f.all[name+"/"+index]; ok {
		to := path.Base(name) + "/"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect) //nolint:gosec // G710: it is the name of a folder of ours.
		return true
	}
	return false
}

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
