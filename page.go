package sluice

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"

	"sluice/internal/httpserver"
	"sluice/internal/pages"
)

// page is a tree of files that service B serves.
type page struct {
	path  string
	files fs.FS
}

// Page has service B serve files of the program's own below a path such as
// "/fleet/": a page and what it loads. index.html stands for its folder. It is
// called before Run, which reads the files; what is changed in them later is not
// seen. A program without service B serves no page.
//
// The path begins and ends with a slash, and its first part is none that service
// B has endpoints below, such as /topics/; else Run fails, as it does where there
// is no index.html or a file has a type that is not known.
//
// The files have the headers of the dashboard: a page may load scripts, styles
// and images of this service only, has no script or style inside the HTML, makes
// no markup of text, and is in no frame. It reads records with the module
// /sluice.js (docs/streams.md).
//
// They are served without a credential, also where authentication is configured,
// so that a browser can open the page at all: it must hold no secret. What it
// asks for is answered as its reader's session, ticket or key allows
// (docs/auth.md); somebody who has signed in at the dashboard is signed in here.
func (p *Program) Page(path string, files fs.FS) {
	p.pages = append(p.pages, page{path, files})
}

// pagePath is a path that a page may have: no name in it needs to be escaped, or
// means anything to the router.
var pagePath = regexp.MustCompile(`^/([A-Za-z0-9_-][A-Za-z0-9._-]*/)+$`)

// validatePages checks where the pages are to be.
func (p *Program) validatePages() error {
	var errs []error
	seen := map[string]bool{}
	for _, page := range p.pages {
		if !pagePath.MatchString(page.path) {
			errs = append(errs, fmt.Errorf("the page %q: its path has to begin and end with a slash, with names of letters, digits, ., _ and - between them, such as /fleet/", page.path))
		}
		if seen[page.path] {
			errs = append(errs, fmt.Errorf("the page %s: another page has this path, too", page.path))
		}
		if page.files == nil {
			errs = append(errs, fmt.Errorf("the page %s: has no files: give Page an fs.FS, such as an embed.FS", page.path))
		}
		seen[page.path] = true
	}
	return errors.Join(errs...)
}

// addPages adds the pages to service B, whose own endpoints are all there.
func (p *Program) addPages(s *httpserver.Server) error {
	for _, page := range p.pages {
		if s.Reserved(page.path) {
			return fmt.Errorf("the page %s: service B has endpoints of its own there; choose another path", page.path)
		}
	}
	for i, page := range p.pages {
		files, err := pages.Load(page.files)
		if err != nil {
			return fmt.Errorf("the page %s: %w", page.path, err)
		}
		servePage(s, page.path, i+1, files)
	}
	return nil
}

// servePage adds the endpoints of the page with that number.
func servePage(s *httpserver.Server, path string, number int, files *pages.Files) {
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !files.Serve(w, r, r.PathValue("file")) {
			httpserver.NewProblem(http.StatusNotFound, "the page has no such file: "+r.URL.Path).Write(w)
		}
	})
	known := httpserver.Answer{Description: "The client has it already, as its If-None-Match says."}
	s.Handle(http.MethodGet, path+"{$}", serve, httpserver.Doc{
		ID: fmt.Sprintf("page%d", number), Summary: "A page of this program", Tag: "pages", Open: true,
		Description: "It holds no data: it asks for them with the credential of who looks at it.",
		Answers: map[int]httpserver.Answer{
			http.StatusOK: {Description: "The page.", ContentType: "text/html"}, http.StatusNotModified: known,
		},
	})
	s.Handle(http.MethodGet, path+"{file...}", serve, httpserver.Doc{
		ID: fmt.Sprintf("page%dFile", number), Summary: "A file of the page", Tag: "pages", Open: true,
		Path: []httpserver.Param{{Name: "file", Description: "Its name."}},
		Answers: map[int]httpserver.Answer{
			http.StatusOK:                {Description: "The file, in its own content type.", Bodies: map[string]any{"text/javascript": nil, "text/css": nil, "text/html": nil, "application/json": nil, "image/svg+xml": nil}},
			http.StatusTemporaryRedirect: {Description: "It is a folder: its page has a slash at the end."},
			http.StatusNotModified:       known,
			http.StatusNotFound:          {Description: "There is no such file.", Problem: true},
		},
	})
}
