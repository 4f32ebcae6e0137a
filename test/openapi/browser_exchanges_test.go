package openapi_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The paths that are there for browsers.
const (
	ticket        = "/tickets"
	session       = "/session"
	dashboard     = "/dashboard"
	dashboardFile = "/dashboard/assets/{file}"
	state         = "/dashboard/state"
	script        = "/sluice.js"
)

// ask makes an exchange of the endpoint that makes tickets.
func ask(name, body string, status int, headers ...string) exchange {
	e := post(name, body, status, headers...).to(ticket)
	e.template = ticket
	return e
}

// begin and end make those of sessions.
func begin(path string, status int, headers ...string) exchange {
	e := get(session, path, status, headers...)
	e.method = http.MethodPost
	return e
}

func end(path string, status int, headers ...string) exchange {
	e := get(session, path, status, headers...)
	e.method = http.MethodDelete
	if status == http.StatusNoContent {
		e.media = ""
	}
	return e
}

// html makes an exchange of a client that wants the page.
func html(template, path string, status int, headers ...string) exchange {
	e := get(template, path, status, append(headers, "Accept", "text/html,*/*;q=0.8")...)
	if e.media = problemMedia; status == http.StatusOK {
		e.media = "text/html"
	}
	return e
}

// known makes an exchange of a client that has the file already.
func known(template, path string, headers ...string) exchange {
	e := get(template, path, http.StatusNotModified, append(headers, "If-None-Match", "*")...)
	e.media = ""
	return e
}

// browserOperations are one good request of each operation for browsers that
// needs a credential.
func browserOperations(status int, headers ...string) []exchange {
	return []exchange{
		ask("simple", `{"topics":["events"]}`, status, headers...),
		begin(session, status, headers...),
		get(state, state, status, headers...),
	}
}

func ticketExchanges() []exchange {
	long := strings.Repeat("x", 16<<10)
	cut := ask("cut off", `{"topics":`, 400)
	cut.cut = true
	return []exchange{
		ask("simple", `{"topics":["events"]}`, 200),
		ask("no content type", `{"topics":["events"]}`, 200, "Content-Type", ""),
		ask("all fields", `{"topics":["events","a.b_c-1"],"filter":"partition == 0","origin":"https://app.example:8443"}`, 200),
		ask("malformed", `{"topics":`, 400), ask("a name twice", `{"topics":["a"],"topics":["b"]}`, 400), cut,
		ask("not UTF-8", "{\"topics\":[\"\xff\"]}", 400),
		ask("an array", `[]`, 400).refusedBySchema(), ask("null", `null`, 400).refusedBySchema(),
		ask("a foreign page", `{"topics":["events"]}`, 403, "Origin", "https://elsewhere.example"),
		ask("too large", `{"filter":"`+long+`"}`, 413),
		ask("another content type", `{"topics":["events"]}`, 415, "Content-Type", "text/plain"),
		ask("no topics", `{}`, 422).refusedBySchema(),
		ask("an unknown field", `{"topics":["events"],"topic":"events"}`, 422).refusedBySchema(),
		ask("an empty list", `{"topics":[]}`, 422).refusedBySchema(),
		ask("null for a list", `{"topics":null}`, 422).refusedBySchema(),
		ask("a text for a list", `{"topics":"events"}`, 422).refusedBySchema(),
		ask("a list of numbers", `{"topics":[1]}`, 422).refusedBySchema(),
		ask("101 topics", `{"topics":["a"`+strings.Repeat(`,"a"`, 100)+`]}`, 422).refusedBySchema(),
		ask("more than has room", `{"topics":["`+strings.Repeat("x", 249)+`"`+manyNames()+`]}`, 422),
		ask("a bad topic", `{"topics":["a b"]}`, 422), ask("a topic twice", `{"topics":["a","a"]}`, 422),
		ask("a filter that is a number", `{"topics":["events"],"filter":1}`, 422).refusedBySchema(),
		ask("a filter that is too long", `{"topics":["events"],"filter":"`+long[:1025]+`"}`, 422).refusedBySchema(),
		ask("a filter that does not parse", `{"topics":["events"],"filter":"partition =="}`, 422),
		ask("an empty filter", `{"topics":["events"],"filter":""}`, 422),
		ask("an origin that is a number", `{"topics":["events"],"origin":1}`, 422).refusedBySchema(),
		ask("an origin that is none", `{"topics":["events"],"origin":"app.example"}`, 422),
		ask("a parameter", `{"topics":["events"]}`, 422).with("?ticket=none"),
	}
}

// manyNames are more names of topics than a ticket has room for.
func manyNames() string {
	var all strings.Builder
	for _, c := range "abcdefghijklmno" {
		all.WriteString(`,"` + strings.Repeat(string(c), 249) + `"`)
	}
	return all.String()
}

func sessionExchanges() []exchange {
	var all []exchange
	for _, one := range []func(path string, status int, headers ...string) exchange{begin, end} {
		cut, tooLarge, body := one(session, 400), one(session, 413), one(session, 422)
		cut.cut, cut.body = true, "{"
		tooLarge.body = strings.Repeat(" ", 16<<10+1)
		body.body = `{"principal":"shop"}`
		all = append(all, cut, tooLarge, body, one(session+"?a=b", 422),
			one(session, 403, "Sec-Fetch-Site", "cross-site"), one(session, 403, "Host", "elsewhere.example"))
	}
	return append(all, begin(session, 200), end(session, 204), end(session, 204, "Cookie", "__Host-sluice_session=ended"))
}

// dashboardExchanges are those of the page and all of its files.
func dashboardExchanges(t *testing.T) []exchange {
	t.Helper()
	all := []exchange{
		html("/", "/", 200), known("/", "/", "Accept", "text/html"),
		html(dashboard, dashboard, 200), get(dashboard, dashboard, 403, "Host", "elsewhere.example"), known(dashboard, dashboard),
		get(state, state, 200), get(state, state+"?a=b", 422), get(state, state, 403, "Host", "elsewhere.example"),
		known(dashboardFile, "/dashboard/assets/main.js"),
		get(dashboardFile, "/dashboard/assets/main.js", 403, "Host", "elsewhere.example"),
		get(dashboardFile, "/dashboard/assets/nothing.js", 404), get(dashboardFile, "/dashboard/assets/index.html", 404),
		get(dashboardFile, "/dashboard/assets/..%2Fassets.go", 404), get(dashboardFile, "/dashboard/assets/a/b", 404),
	}
	files, err := os.ReadDir(filepath.Join("..", "..", "internal", "dashboard", "assets"))
	require.NoError(t, err)
	media := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	for _, file := range files {
		if file.Name() != "index.html" {
			e := get(dashboardFile, "/dashboard/assets/"+file.Name(), 200)
			e.media = media[filepath.Ext(file.Name())]
			require.NotEmpty(t, e.media, "%s has a type of its own", file.Name())
			all = append(all, e)
		}
	}
	return all
}

// scriptExchanges are those of the client for pages.
func scriptExchanges(d *document) []exchange {
	if d.Paths[script] == nil {
		return nil
	}
	good := get(script, script, 200)
	good.media = "text/javascript"
	return []exchange{good, known(script, script), get(script, script, 403, "Host", "elsewhere.example")}
}

// withinExchanges are those of a client that has come with a ticket for the
// topic events, or in a session.
func withinExchanges(ticket, cookie string) []exchange {
	var all []exchange
	for _, e := range append(streamOperations(200), socketOperations(101)...) {
		all = append(all, e.in(cookie))
		if !strings.Contains(e.path, "?") {
			e.path += "?"
		}
		e.path += "&ticket=" + ticket
		all = append(all, e)
	}
	return append(all,
		get(readable, "/topics?ticket="+ticket, 200), get(readable, "/topics", 200).in(cookie),
		get(page, "/topics/others/records?ticket="+ticket, 403),
		get(state, state+"?ticket="+ticket, 401), get(state, state, 200).in(cookie),
		begin(session+"?ticket="+ticket, 401), begin(session, 200).in(cookie),
		ask("in a session", `{"topics":["events"]}`, 200).in(cookie),
	)
}

// in puts an exchange into a session. The headers are those of one exchange
// alone from then on.
func (e exchange) in(cookie string) exchange {
	headers := map[string]string{"Cookie": cookie}
	maps.Copy(headers, e.headers)
	e.headers = headers
	return e
}
