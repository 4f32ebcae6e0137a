package tickets_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
	"sluice/internal/tickets"
)

const page = "https://app.example"

func TestATicketIsMadeAndUsed(t *testing.T) {
	for name, auth := range map[string]bool{"with a key": true, "of anybody": false} {
		t.Run(name, func(t *testing.T) {
			d := open(t, auth)
			who := ""
			if auth {
				who = "shop"
			}
			for _, c := range []struct {
				body    string
				headers []string // of the request for it
				using   []string // of the one that uses it
				want    string
			}{
				{`{"topics":["orders"]}`, nil, nil, ":orders:"},
				{`{"topics":["orders","orders.eu"],"filter":"key == 'a'"}`, nil, nil, ":orders,orders.eu:key == 'a'"},
				{`{"topics":["orders"]}`, []string{"Content-Type", "application/json; charset=utf-8"}, nil, ":orders:"},
				{`{"topics":["orders"],"origin":"https://app.example"}`, nil, []string{"Origin", page}, ":orders:"},
				// A page's own origin, which need not be told.
				{`{"topics":["orders"]}`, []string{"Origin", d.url, "Sec-Fetch-Site", "same-origin"}, []string{"Origin", d.url}, ":orders:"},
				{`{"topics":["orders"]}`, []string{"Origin", d.url, "Sec-Fetch-Site", "same-origin"}, nil, ":orders:"},
			} {
				a := d.send(http.MethodPost, "/tickets", c.body, c.headers...)
				require.Equal(t, 200, a.code, a.body)
				require.Equal(t, "application/json", a.header.Get("Content-Type"))
				require.Equal(t, "no-store", a.header.Get("Cache-Control"))
				var got tickets.Ticket
				require.NoError(t, json.Unmarshal([]byte(a.body), &got))
				require.InDelta(t, 30*time.Second, time.Until(got.Expires), float64(20*time.Second))
				require.Contains(t, a.body, got.Expires.Format(`"2006-01-02T15:04:05`), "RFC 3339, in UTC")
				a = d.send(http.MethodGet, "/events?ticket="+got.Ticket, "", append(c.using, "X-Api-Key", "")...)
				require.Equal(t, 200, a.code, a.body)
				require.Equal(t, who+c.want, a.body)
				a = d.send(http.MethodGet, "/events?ticket="+got.Ticket, "", "X-Api-Key", "", "Origin", "https://evil.example")
				require.Equal(t, 401, a.code)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	d := open(t, true)
	var many []string
	for n := range 101 {
		many = append(many, fmt.Sprintf(`"orders-%d"`, n))
	}
	var long []string
	for n := range 20 {
		long = append(long, fmt.Sprintf(`"orders-%s%d"`, strings.Repeat("x", 200), n))
	}
	const good = `{"topics":["orders"]}`
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		code       int
		want       string
	}{
		"no credential":       {"/tickets", good, []string{"X-Api-Key", ""}, 401, "a credential is needed"},
		"a bad one":           {"/tickets", good, []string{"X-Api-Key", "", "Authorization", "Bearer x"}, 401, "not known"},
		"a parameter":         {"/tickets?ttl=1h", good, nil, 422, "no query parameters"},
		"nothing":             {"/tickets", ``, nil, 400, "JSON object"},
		"not JSON":            {"/tickets", `{`, nil, 400, "JSON object"},
		"null":                {"/tickets", `null`, nil, 400, "JSON object"},
		"a list":              {"/tickets", `[]`, nil, 400, "JSON object"},
		"a name twice":        {"/tickets", `{"topics":["orders"],"topics":["orders"]}`, nil, 400, "each name once"},
		"not UTF-8":           {"/tickets", "{\"topics\":[\"\xff\"]}", nil, 400, "UTF-8"},
		"two objects":         {"/tickets", good + good, nil, 400, "JSON object"},
		"a form":              {"/tickets", `topics=orders`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		"no media type":       {"/tickets", good, []string{"Content-Type", "json;;"}, 415, "application/json"},
		"too large":           {"/tickets", `{"topics":["` + strings.Repeat("x", 1<<20) + `"]}`, nil, 413, "16 KiB"},
		"an unknown field":    {"/tickets", `{"topics":["orders"],"ttl":"1h"}`, nil, 422, "body.ttl: unknown field"},
		"another case":        {"/tickets", `{"Topics":["orders"]}`, nil, 422, "body.Topics: unknown field"},
		"no topics":           {"/tickets", `{}`, nil, 422, "body.topics: is needed"},
		"no topic":            {"/tickets", `{"topics":[]}`, nil, 422, "body.topics"},
		"topics are null":     {"/tickets", `{"topics":null}`, nil, 422, "body.topics"},
		"topics are a text":   {"/tickets", `{"topics":"orders"}`, nil, 422, "body.topics"},
		"a topic is a number": {"/tickets", `{"topics":[1]}`, nil, 422, "body.topics"},
		"a pattern":           {"/tickets", `{"topics":["orders*"]}`, nil, 422, "not a topic's name"},
		"a path":              {"/tickets", `{"topics":[".."]}`, nil, 422, "not a topic's name"},
		"an empty name":       {"/tickets", `{"topics":[""]}`, nil, 422, "not a topic's name"},
		"a long name":         {"/tickets", `{"topics":["` + strings.Repeat("x", 250) + `"]}`, nil, 422, "not a topic's name"},
		"a topic twice":       {"/tickets", `{"topics":["orders","orders"]}`, nil, 422, "there twice"},
		"too many topics":     {"/tickets", `{"topics":[` + strings.Join(many, ",") + `]}`, nil, 422, "1 to 100"},
		"no room":             {"/tickets", `{"topics":[` + strings.Join(long, ",") + `]}`, nil, 422, "too long together"},
		"a wrong filter":      {"/tickets", `{"topics":["orders"],"filter":"wrong"}`, nil, 422, "body.filter: column 3: there is no such name"},
		"an empty filter":     {"/tickets", `{"topics":["orders"],"filter":""}`, nil, 422, "body.filter"},
		"a filter is null":    {"/tickets", `{"topics":["orders"],"filter":null}`, nil, 422, "body.filter"},
		"a long filter":       {"/tickets", `{"topics":["orders"],"filter":"` + strings.Repeat("x", 1025) + `"}`, nil, 422, "1 KiB"},
		"not an origin":       {"/tickets", `{"topics":["orders"],"origin":"app.example"}`, nil, 422, "body.origin"},
		"an opaque origin":    {"/tickets", `{"topics":["orders"],"origin":"null"}`, nil, 422, "body.origin"},
		"an opaque page":      {"/tickets", good, []string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, 422, "header.Origin"},
		"another's origin":    {"/tickets", `{"topics":["orders"],"origin":"https://app.example"}`, []string{"Origin", d.url}, 422, "body.origin: is another"},
		"a foreign page":      {"/tickets", good, []string{"Origin", page, "Sec-Fetch-Site", "cross-site"}, 403, "another origin"},
		"another topic":       {"/tickets", `{"topics":["orders","invoices"]}`, nil, 403, `may not read \"invoices\"`},
		"a session of a form": {"/session", `user=x`, nil, 422, "no body"},
		"a session for a day": {"/session?hours=24", ``, nil, 422, "no query parameters"},
		"a large session":     {"/session", strings.Repeat(" ", 1<<20), nil, 413, "16 KiB"},
		"a session of nobody": {"/session", ``, []string{"X-Api-Key", ""}, 401, "a credential is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.send(http.MethodPost, c.path, c.body, c.headers...)
			require.Equal(t, c.code, a.code, a.body)
			require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
			require.Contains(t, a.body, c.want)
			require.Empty(t, a.header.Get("Set-Cookie"))
			require.Less(t, len(a.body), 2000, "little of the request is repeated")
		})
	}
	a := d.send(http.MethodPost, "/tickets", `{"filter":"wrong","origin":1,"x":1}`)
	var p httpserver.Problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &p))
	var at []string
	for _, e := range p.Errors {
		at = append(at, e.Location)
	}
	require.Equal(t, []string{"body.filter", "body.origin", "body.topics", "body.x"}, at, "every one is listed")
}

func TestASession(t *testing.T) {
	d := open(t, true)
	for _, body := range []string{"", "{}"} {
		a := d.send(http.MethodPost, "/session", body)
		require.Equal(t, 200, a.code, a.body)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		var got tickets.Session
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		require.Equal(t, "shop", got.Principal)
		require.Greater(t, time.Until(got.Expires), 11*time.Hour)
		cookie, attributes, _ := strings.Cut(a.header.Get("Set-Cookie"), "; ")
		require.Equal(t, "Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict", attributes)

		// The cookie alone reads, and makes a ticket.
		a = d.send(http.MethodGet, "/events", "", "X-Api-Key", "", "Cookie", cookie)
		require.Equal(t, 200, a.code)
		require.Equal(t, "shop::", a.body)
		a = d.send(http.MethodPost, "/tickets", `{"topics":["orders"]}`, "X-Api-Key", "", "Cookie", cookie)
		require.Equal(t, 200, a.code)
		a = d.send(http.MethodPost, "/tickets", `{"topics":["invoices"]}`, "X-Api-Key", "", "Cookie", cookie)
		require.Equal(t, 403, a.code)
	}

	// Who has no good one any more can throw it away all the same.
	for _, headers := range [][]string{nil, {"X-Api-Key", ""}, {"X-Api-Key", "", "Cookie", "__Host-sluice_session=old"}} {
		a := d.send(http.MethodDelete, "/session", "", headers...)
		require.Equal(t, 204, a.code, a.body)
		require.Equal(t, "__Host-sluice_session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict", a.header.Get("Set-Cookie"))
	}
	a := d.send(http.MethodDelete, "/session", "", "Origin", page, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 403, a.code)
	require.Empty(t, a.header.Get("Set-Cookie"))
	a = d.send(http.MethodDelete, "/session?x=1", "")
	require.Equal(t, 422, a.code)
	require.Equal(t, 405, d.send(http.MethodGet, "/session", "").code)
}

func TestASessionOfAnybody(t *testing.T) {
	d := open(t, false)
	a := d.send(http.MethodPost, "/session", "")
	require.Equal(t, 200, a.code, a.body)
	require.Contains(t, a.body, `"principal":""`)
	require.Contains(t, a.header.Get("Set-Cookie"), "__Host-sluice_session=")
}

// The schema is what clients are made from.
func TestTheSchemaSaysIt(t *testing.T) {
	d := open(t, true)
	a := d.send(http.MethodGet, "/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]any
			Security  *[]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &doc))
	codes := func(path, method string) []string {
		var all []string
		for code := range doc.Paths[path][method].Responses {
			all = append(all, code)
		}
		return all
	}
	require.ElementsMatch(t, []string{"200", "400", "401", "403", "413", "415", "422", "503"}, codes("/tickets", "post"))
	require.ElementsMatch(t, []string{"200", "400", "401", "403", "413", "422", "503"}, codes("/session", "post"))
	require.ElementsMatch(t, []string{"204", "400", "403", "413", "422"}, codes("/session", "delete"))
	require.Empty(t, *doc.Paths["/session"]["delete"].Security)
}
