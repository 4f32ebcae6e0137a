package live_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"sluice/internal/access"
	"sluice/internal/stream/live"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// What a principal may not read it gets from no endpoint.
func TestWhoMayRead(t *testing.T) {
	var key string
	w := newWorld(t, withKey(t, &key, "mine*"))
	w.topic("mine", 1)
	w.topic("mine.too", 1)
	w.topic("theirs", 1)
	bearer := "Authorization: Bearer " + key
	names, _ := w.topics(bearer)
	require.Equal(t, []string{"mine", "mine.too"}, names)
	for _, path := range []string{"/topics/theirs/events", "/events?topic=mine&topic=theirs", "/topics/theirs/records"} {
		require.Equal(t, 401, w.get(path).Status, path)
		require.Equal(t, 403, w.problem(w.get(path, bearer)).Status, path)
	}
	require.Equal(t, 403, w.get("/topics/their-unknown/events", bearer).Status, "whether it exists is not said")
	require.Equal(t, "ready", w.open("/topics/mine/events", bearer).until("ready")[0].Name)
	require.Equal(t, 200, w.get("/topics/mine/records", bearer).Status)

	c := w.dial("/topics/theirs/ws?from=now", http.Header{"Authorization": {"Bearer " + key}})
	require.Equal(t, websocket.StatusPolicyViolation, c.closed())
	require.Equal(t, 403, c.problem().Status)
	c = w.dial("/ws", http.Header{"Authorization": {"Bearer " + key}})
	c.subscribe(`{"topic":"mine"},{"topic":"theirs"}`)
	require.Equal(t, websocket.StatusPolicyViolation, c.closed())
	c = w.dial("/topics/mine/ws?from=now", http.Header{"Authorization": {"Bearer " + key}})
	c.until("ready")
	_, resp, err := w.tryDial("/ws", nil) //nolint:bodyclose // The library has read what there is.
	require.Error(t, err)
	require.Equal(t, 401, resp.StatusCode)
}

// A ticket shows its own topics, and of them what its filter lets; the client's
// own filter can only narrow that.
func TestTickets(t *testing.T) {
	var key string
	w := newWorld(t, withKey(t, &key, "*"))
	w.topic("mine", 1)
	w.topic("other", 1)
	w.produce("mine", 1, 20)
	ticket := "ticket=" + w.ticketFor(key, access.TicketRequest{Topics: []string{"mine"}, Filter: "value.n < 5"})
	names, _ := w.topics("Authorization: Bearer " + key)
	require.Equal(t, []string{"mine", "other"}, names)
	a := w.get("/topics?" + ticket)
	var all live.TopicList
	require.NoError(t, json.Unmarshal([]byte(a.Body), &all))
	require.Len(t, all.Topics, 1)

	count := func(query string) (events, page, socket int) {
		t.Helper()
		query = "?from=earliest&" + ticket + query
		c := w.dial("/topics/mine/ws"+query, nil)
		return len(w.open("/topics/mine/events"+query).until("caughtup")) - 2, len(w.page("/topics/mine/records" + query).Records), len(c.until("caughtup")) - 2
	}
	for query, want := range map[string]int{"": 5, "&filter=true": 5, "&filter=value.n+%3E+2": 2, "&filter=value.n+%3E+10": 0} {
		e, p, s := count(query)
		require.Equal(t, []int{want, want, want}, []int{e, p, s}, query)
	}
	require.Equal(t, 403, w.get("/topics/other/events?"+ticket).Status)
	require.Equal(t, 403, w.get("/topics/other/records?"+ticket).Status)
	require.Equal(t, websocket.StatusPolicyViolation, w.dial("/topics/other/ws?from=now&"+ticket, nil).closed())
	require.Equal(t, 401, w.get("/topics/mine/events?ticket=x").Status)

	// Where the ticket's filter is none, nothing is shown.
	broken := "ticket=" + w.ticketFor(key, access.TicketRequest{Topics: []string{"mine"}, Filter: "value.n <"})
	require.Equal(t, 403, w.get("/topics/mine/events?"+broken).Status)
	require.Equal(t, 403, w.get("/topics/mine/records?"+broken).Status)
	require.Equal(t, websocket.StatusPolicyViolation, w.dial("/topics/mine/ws?"+broken, nil).closed())
}

// A stream ends with its credential, and says why.
func TestTheCredentialEnds(t *testing.T) {
	var key string
	w := newWorld(t, withKey(t, &key, "*"))
	w.topic("t", 1)
	bearer := "Authorization: Bearer " + key
	s := w.open("/topics/t/events", bearer)
	s.until("ready")
	c := w.dial("/topics/t/ws?from=now", http.Header{"Authorization": {"Bearer " + key}})
	c.until("ready")
	w.revoke()
	bye := s.until("bye")
	require.JSONEq(t, `{"reason":"auth"}`, bye[len(bye)-1].Data)
	require.Equal(t, websocket.StatusPolicyViolation, c.closed())
	require.Equal(t, 401, w.get("/topics/t/events", bearer).Status)
}

// A page loads the client before it has a credential.
func TestTheScript(t *testing.T) {
	var key string
	w := newWorld(t, withKey(t, &key, "*"))
	a := w.get("/sluice.js")
	require.Equal(t, 200, a.Status)
	require.Equal(t, "text/javascript; charset=utf-8", a.Header.Get("Content-Type"))
	require.Contains(t, a.Body, "export function open(")
	require.Equal(t, 304, w.get("/sluice.js", "If-None-Match: "+a.Header.Get("ETag")).Status)
}

// Everything is registered and documented once.
func TestTheSchema(t *testing.T) {
	w := newWorld(t)
	a := w.get("/openapi.json")
	require.Equal(t, 200, a.Status)
	var schema struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
			Responses  map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &schema))
	for _, path := range []string{"/topics", "/topics/{topic}/records", "/topics/{topic}/events", "/events", "/topics/{topic}/ws", "/ws"} {
		require.Contains(t, schema.Paths, path)
		names := map[string]bool{}
		for _, p := range schema.Paths[path]["get"].Parameters {
			require.False(t, names[p.In+p.Name], "%s: %s is there twice", path, p.Name)
			names[p.In+p.Name] = true
		}
	}
}
