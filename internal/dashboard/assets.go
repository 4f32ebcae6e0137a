package dashboard

import (
	"embed"
	"io/fs"
	"net/http"
	"strconv"

	"sluice/internal/httpserver"
	"sluice/internal/pages"
)

//go:embed assets
var assets embed.FS

// pageFile is the name of the page among the files.
const pageFile = "index.html"

// embedded reads the files. They are there and of types that are known, since
// they were embedded: TestEveryFileHasATypeAndHeaders finds what is not.
func embedded() *pages.Files {
	tree, err := fs.Sub(assets, "assets")
	if err != nil {
		return &pages.Files{}
	}
	files, err := pages.Load(tree)
	if err != nil {
		return &pages.Files{}
	}
	return files
}

func (d *Dashboard) serveFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" || name == pageFile || !d.files.Serve(w, r, name) {
		httpserver.NewProblem(http.StatusNotFound, "the dashboard has no file "+strconv.Quote(name)).Write(w)
	}
}
