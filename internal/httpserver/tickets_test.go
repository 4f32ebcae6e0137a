package httpserver_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/httpserver"
)

// browsers are endpoints as browsers open them; they answer who asks, and for
// which topics.
func browsers(s *httpserver.Server) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := access.IdentityFrom(r.Context())
		_, _ = io.WriteString(w, i.Principal().Name()+":"+strings.Join(i.Topics(), ","))
	})
	s.Handle(http.MethodGet, "/events", h, httpserver.Doc{ID: "events", Tag: "t", Tickets: true})
	s.Handle(http.MethodGet, "/ws", h, httpserver.Doc{ID: "ws", Tag: "t", Tickets: true, WebSocket: true})
	whoami(s)
}

// desk makes tickets and sessions.
type desk struct {
	*access.Tickets
	auth *access.Authenticator
	key  string
	who  *access.Identity
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	d := &desk{}
	d.auth, d.key = newAuth(t, "shop", log, "read", "write")
	var err error
	d.Tickets, err = access.NewTickets("", d.auth, log)
	require.NoError(t, err)
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", d.key)
	d.who, err = d.auth.Identify(r, nil)
	require.NoError(t, err)
	return d
}

func (d *desk) ticket(t *testing.T, origin string) string {
	t.Helper()
	text, _, err := d.Issue(d.who, access.TicketRequest{Topics: []string{"orders"}, Origin: origin})
	require.NoError(t, err)
	return text
}

func (d *desk) cookie(t *testing.T) string {
	t.Helper()
	c, _, err := d.Session(d.who)
	require.NoError(t, err)
	return c.Name + "=" + c.Value
}

func TestTicketsOpenWhatTakesThem(t *testing.T) {
	d := newDesk(t)
	_, url := newServerWith(t, httpserver.Options{Auth: d.auth, Tickets: d.Tickets}, browsers)
	for _, path := range []string{"/events", "/ws"} {
		resp, body := send(t, http.MethodGet, url+path+"?ticket="+d.ticket(t, ""), "")
		require.Equal(t, 200, resp.StatusCode, body)
		require.Equal(t, "shop:orders", body)
		resp, body = send(t, http.MethodGet, url+path, "", "X-API-Key", d.key)
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, "shop:", body)
		resp, body = send(t, http.MethodGet, url+path+"?ticket="+d.ticket(t, "")[:50], "", "Cookie", d.cookie(t))
		require.Equal(t, 401, resp.StatusCode, "a bad one is not passed over")
		require.Contains(t, body, "was cut off")
		require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
		resp, _ = send(t, http.MethodGet, url+path, "")
		require.Equal(t, 401, resp.StatusCode)
	}
	resp, _ := send(t, http.MethodGet, url+"/whoami/1?ticket="+d.ticket(t, ""), "")
	require.Equal(t, 401, resp.StatusCode, "this endpoint takes none")
}

// Without authentication a ticket narrows, and a bad one is refused.
func TestTicketsWithoutAuthentication(t *testing.T) {
	tickets, err := access.NewTickets("", nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, url := newServerWith(t, httpserver.Options{Tickets: tickets}, browsers)
	text, _, err := tickets.Issue(nil, access.TicketRequest{Topics: []string{"orders"}})
	require.NoError(t, err)
	resp, body := send(t, http.MethodGet, url+"/events?ticket="+text, "")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, ":orders", body)
	resp, _ = send(t, http.MethodGet, url+"/events?ticket=x", "")
	require.Equal(t, 401, resp.StatusCode)
	resp, body = send(t, http.MethodGet, url+"/events", "")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, ":", body)
	_, body = get(t, url+"/openapi.json")
	require.Contains(t, body, `"name":"ticket"`)
	require.NotContains(t, body, `"security`)
}

// A session is a credential where the server says so.
func TestSessionsAreCredentials(t *testing.T) {
	d := newDesk(t)
	_, url := newServerWith(t, httpserver.Options{Auth: d.auth, Tickets: d.Tickets}, whoami)
	resp, body := send(t, http.MethodGet, url+"/whoami/1", "", "Cookie", d.cookie(t))
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "shop:1:", body)
	resp, _ = send(t, http.MethodGet, url+"/whoami/1", "", "Cookie", d.cookie(t)+"A")
	require.Equal(t, 401, resp.StatusCode)
	_, url = newServerWith(t, httpserver.Options{Auth: d.auth}, whoami)
	resp, _ = send(t, http.MethodGet, url+"/whoami/1", "", "Cookie", d.cookie(t))
	require.Equal(t, 401, resp.StatusCode, "service A takes none")
}

// A cookie says nothing of the page that asks: a foreign page changes nothing
// with it, whatever http.cors lets others do.
func TestForeignPagesWithASession(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		cors       []string
		headers    []string
		credential []string
		want       int
	}{
		"its own page":                       {nil, []string{"Sec-Fetch-Site", "same-origin"}, nil, 200},
		"a program":                          {nil, nil, nil, 200},
		"a foreign page":                     {nil, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, nil, 403},
		"a neighbour's page":                 {nil, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000"}, nil, 403},
		"a page of an old browser":           {nil, []string{"Origin", "https://evil.example"}, nil, 403},
		"a page that is trusted":             {[]string{page}, []string{"Sec-Fetch-Site", "same-site", "Origin", page}, nil, 200},
		"any page, where all may":            {[]string{"*"}, []string{"Sec-Fetch-Site", "same-site", "Origin", page}, nil, 403},
		"any page with a key, where all may": {[]string{"*"}, []string{"Sec-Fetch-Site", "same-site", "Origin", page}, []string{"X-API-Key", d.key}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := newServerWith(t, httpserver.Options{Auth: d.auth, Tickets: d.Tickets, HTTP: httpserver.Config{CORS: c.cors}}, whoami)
			headers := append(append([]string{"Cookie", d.cookie(t)}, c.headers...), c.credential...)
			resp, body := send(t, http.MethodPost, url+"/whoami/1", "x", headers...)
			require.Equal(t, c.want, resp.StatusCode, body)
		})
	}
}

// Browsers let every page open a WebSocket to everywhere, and send what they
// have for its host.
func TestForeignPagesAndWebSockets(t *testing.T) {
	d := newDesk(t)
	foreign := []string{"Origin", "https://evil.example"}
	for name, c := range map[string]struct {
		opts    httpserver.Options
		ticket  string // its origin; "-" for none
		headers []string
		want    int
	}{
		"a program":                              {httpserver.Options{}, "-", nil, 200},
		"a foreign page":                         {httpserver.Options{}, "-", foreign, 403},
		"a foreign page, all may, none decided":  {httpserver.Options{HTTP: httpserver.Config{CORS: []string{"*"}}}, "-", foreign, 403},
		"a foreign page, all may":                {httpserver.Options{HTTP: httpserver.Config{CORS: []string{"*"}}, AuthNone: true}, "-", foreign, 200},
		"a trusted page":                         {httpserver.Options{HTTP: httpserver.Config{CORS: []string{page}}}, "-", []string{"Origin", page}, 200},
		"a session":                              {httpserver.Options{Auth: d.auth}, "-", []string{"Cookie", d.cookie(t), "Sec-Fetch-Site", "same-origin"}, 200},
		"a session in a foreign page":            {httpserver.Options{Auth: d.auth}, "-", append(foreign, "Cookie", d.cookie(t)), 403},
		"a session in a neighbour's page":        {httpserver.Options{Auth: d.auth}, "-", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site", "Cookie", d.cookie(t)}, 403},
		"a session in a foreign page, all may":   {httpserver.Options{Auth: d.auth, HTTP: httpserver.Config{CORS: []string{"*"}}}, "-", append(foreign, "Cookie", d.cookie(t)), 403},
		"a ticket of the page":                   {httpserver.Options{Auth: d.auth}, page, []string{"Origin", page, "Sec-Fetch-Site", "cross-site"}, 200},
		"a ticket of the page, and a session":    {httpserver.Options{Auth: d.auth}, page, []string{"Origin", page, "Cookie", d.cookie(t)}, 200},
		"a ticket in a foreign page":             {httpserver.Options{Auth: d.auth}, page, foreign, 401},
		"a program's ticket in a foreign page":   {httpserver.Options{Auth: d.auth}, "", foreign, 401},
		"nothing at all, in a page of elsewhere": {httpserver.Options{Auth: d.auth}, "-", foreign, 401},
	} {
		t.Run(name, func(t *testing.T) {
			if c.opts.Auth != nil {
				c.opts.Tickets = d.Tickets
			}
			_, url := newServerWith(t, c.opts, browsers)
			path := url + "/ws"
			if c.ticket != "-" {
				path += "?ticket=" + d.ticket(t, c.ticket)
			}
			resp, body := send(t, http.MethodGet, path, "", c.headers...)
			require.Equal(t, c.want, resp.StatusCode, body)
		})
	}
}

// A browser opens a window for a password where it is offered Basic, also in
// front of a page that has a form of its own.
func TestPagesAreNotOfferedBasic(t *testing.T) {
	d := newDesk(t)
	_, url := newServerWith(t, httpserver.Options{Auth: d.auth}, whoami)
	for mode, want := range map[string]int{"": 2, "navigate": 2, "cors": 1, "same-origin": 1, "no-cors": 1} {
		var headers []string
		if mode != "" {
			headers = []string{"Sec-Fetch-Mode", mode}
		}
		resp, _ := send(t, http.MethodGet, url+"/whoami/1", "", headers...)
		require.Equal(t, 401, resp.StatusCode)
		require.Len(t, resp.Header.Values("WWW-Authenticate"), want, mode)
		require.Equal(t, `Bearer realm="sluice"`, resp.Header.Get("WWW-Authenticate"))
	}
}

func TestSchemaOfTicketsAndSessions(t *testing.T) {
	d := newDesk(t)
	_, url := newServerWith(t, httpserver.Options{Auth: d.auth, Tickets: d.Tickets}, browsers)
	_, body := get(t, url+"/openapi.json")
	var doc struct {
		Security   []map[string][]string
		Components struct {
			SecuritySchemes map[string]struct{ Type, In, Name string }
		}
		Paths map[string]map[string]struct {
			Security   []map[string][]string
			Parameters []struct{ Name, In string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	require.Equal(t, "cookie", doc.Components.SecuritySchemes["session"].In)
	require.Equal(t, "__Host-sluice_session", doc.Components.SecuritySchemes["session"].Name)
	require.Equal(t, "query", doc.Components.SecuritySchemes["ticket"].In)
	require.Len(t, doc.Security, 4)
	require.Len(t, doc.Paths["/ws"]["get"].Security, 5)
	require.Equal(t, []struct{ Name, In string }{{"ticket", "query"}}, doc.Paths["/ws"]["get"].Parameters)
	require.Nil(t, doc.Paths["/whoami/{x}"]["get"].Security)
}
