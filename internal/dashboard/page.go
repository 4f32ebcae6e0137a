package dashboard

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/httpserver"
)

func (d *Dashboard) servePage(w http.ResponseWriter, r *http.Request) { d.files.Serve(w, r, pageFile) }

// Root answers "/" with the page where the client prefers HTML, as browsers do,
// and else as json does.
func (d *Dashboard) Root(json http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if wantsPage(r) {
			d.servePage(w, r)
			return
		}
		json.ServeHTTP(w, r)
	})
}

// Refuse is, for the Doc of "/", what is answered where a credential is missing
// or wrong: the page, which is open and asks for one, or the problem. Without
// it a browser would never see the page on a service with authentication.
func (d *Dashboard) Refuse(w http.ResponseWriter, r *http.Request, p *httpserver.Problem) {
	w.Header().Add("Vary", "Accept")
	if !wantsPage(r) {
		p.Write(w)
		return
	}
	w.Header().Del("WWW-Authenticate") // The page has a form of its own.
	d.servePage(w, r)
}

// wantsPage reports whether the client has said that it takes HTML, no less
// than JSON (RFC 9110, 12.5.1). "*/*" alone says nothing: curl sends it.
func wantsPage(r *http.Request) bool {
	html, json := 0.0, 0.0
	for _, header := range r.Header.Values("Accept") {
		for entry := range strings.SplitSeq(header, ",") {
			media, params, err := mime.ParseMediaType(entry)
			if err != nil {
				continue
			}
			q := 1.0
			if text, ok := params["q"]; ok {
				if q, err = strconv.ParseFloat(text, 64); err != nil {
					continue
				}
			}
			switch media {
			case "text/html", "application/xhtml+xml":
				html = max(html, q)
			case "application/json":
				json = max(json, q)
			}
		}
	}
	return html > 0 && html >= json
}
