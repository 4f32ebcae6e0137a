package openapi_test

import (
	"net/http"
	"strings"
)

// The paths of streams.
const (
	readable    = "/topics"
	page        = "/topics/{topic}/records"
	oneStream   = "/topics/{topic}/events"
	manyStreams = "/events"
	oneSocket   = "/topics/{topic}/ws"
	manySockets = "/ws"

	subprotocol = "live.v1.json"
)

// follow makes an exchange of a stream.
func follow(template, path string, status int, headers ...string) exchange {
	e := get(template, path, status, headers...)
	if status == http.StatusOK {
		e.media = eventStream
	}
	return e
}

// socket makes the handshake of a WebSocket, with headers that are changed.
func socket(template, path string, status int, changed ...string) exchange {
	e := get(template, path, status, append([]string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol", subprotocol,
	}, changed...)...)
	if status == http.StatusSwitchingProtocols {
		e.media = ""
	}
	return e
}

// streamOperations are one good request of each operation that reads records,
// WebSockets aside, which is answered what every one of them may be.
func streamOperations(status int, headers ...string) []exchange {
	return []exchange{
		get(page, "/topics/events/records", status, headers...),
		follow(oneStream, "/topics/events/events?strict=1", status, headers...),
		follow(manyStreams, "/events?topic=events&strict=1", status, headers...),
	}
}

// socketOperations are those that become WebSockets.
func socketOperations(status int, headers ...string) []exchange {
	return []exchange{
		socket(oneSocket, "/topics/events/ws", status, headers...),
		socket(manySockets, "/ws", status, headers...),
	}
}

func listExchanges() []exchange {
	return []exchange{
		get(readable, "/topics", 200), get(readable, "/topics?a=b", 422), get(readable, "/topics?ticket=none", 401),
		get(readable, "/topics", 403, "Host", "elsewhere.example"),
	}
}

// selections are parameters of pages and of streams, with the status.
func selections() map[string]int {
	return map[string]int{
		query("partition", "0"): 200, query("key", "k"): 200, query("filter", `partition == 0`): 200,
		query("values", "auto"): 200, query("values", "json"): 200, query("values", "text"): 200, query("values", "base64"): 200,
		query("from", "earliest"): 200, query("from", "-15m"): 200, query("from", "2026-01-01T00:00:00+01:00"): 200, query("from", "2999-01-01T00:00:00Z"): 200,
		query("partition", "-1"): 422, query("partition", "x"): 422, query("partition", "2147483648"): 422,
		query("key", strings.Repeat("k", 1025)): 422, query("filter", ""): 422, query("filter", "partition =="): 422,
		query("filter", `"`+strings.Repeat("x", 1024)+`" == key`): 422, query("values", "xml"): 422,
		query("from", "yesterday"): 422, query("from", "1h"): 422, query("key", "a", "key", "b"): 422,
		query("ticket", "none"): 401, "?%zz": 422, "?form=now": 422,
	}
}

// pageExchanges are those of a cluster that was filled; at is a cursor.
func pageExchanges(at string) []exchange {
	one := func(query string, status int, headers ...string) exchange {
		return get(page, "/topics/events/records"+query, status, headers...)
	}
	lines := one("?limit=3", 200, "Accept", linesMedia)
	lines.media = linesMedia
	all := []exchange{
		one("", 200), lines, one("?limit=1", 200), one("?limit=1000", 200),
		one(query("last_event_id", at), 200), one("", 200, "Last-Event-ID", at),
		one("?partition=0&from=1&to=3", 200), one(query("to", "2026-01-01T00:00:00Z"), 200),
		one("?limit=0", 422), one("?limit=1001", 422), one("?limit=x", 422),
		one("?from=1", 422), one("?to=1", 422), one("?to=later", 422),
		one("?last_event_id=damaged", 422), one("?partition=9", 422), one("?partition=0&from=99", 422),
		one("?partition=3&from=0", 410),
		one("", 403, "Host", "elsewhere.example"),
		get(page, "/topics/nowhere/records", 404), get(page, "/topics/missing/records", 404), get(page, "/topics/a%2Fb%00/records", 404),
	}
	for query, status := range selections() {
		all = append(all, one(query, status))
	}
	return all
}

// streamExchanges are those of both endpoints, by the path and its query.
func streamExchanges(at string) []exchange {
	var all []exchange
	for template, begin := range map[string]string{oneStream: "/topics/events/events?", manyStreams: "/events?topic=events&"} {
		one := func(query string, status int, headers ...string) exchange {
			return follow(template, strings.TrimRight(begin+strings.TrimPrefix(query, "?"), "?&"), status, headers...)
		}
		records := one("?from=earliest&partition=0", 200)
		records.events = 5
		resumed := one("", 200, "Last-Event-ID", at)
		resumed.events = 2
		all = append(all, one("", 200), records, resumed, one(query("last_event_id", at), 200),
			one("?slow=gap&strict=0", 200), one("?slow=close&strict=1", 200), one("?last_event_id=damaged", 200),
			one("?last_event_id=damaged&strict=1", 410),
			one("?slow=never", 422), one("?strict=yes", 422), one("?from=1", 422), one("?to=now", 422), one("?limit=1", 422),
			one("", 403, "Host", "elsewhere.example"))
		for query, status := range selections() {
			all = append(all, one(query, status))
		}
	}
	return append(all,
		follow(manyStreams, "/events?topic=events&topic=events", 200),
		follow(manyStreams, "/events", 422),
		follow(manyStreams, "/events?topic=events&topic=nowhere", 404), follow(manyStreams, "/events?topic=missing", 404),
		follow(oneStream, "/topics/events/events?topic=events", 422),
		follow(oneStream, "/topics/nowhere/events", 404), follow(oneStream, "/topics/a%2Fb%00/events", 404),
	)
}

// socketExchanges are the handshakes. What is said over a WebSocket is not an
// answer of HTTP: the first frame has a test here, the others have theirs beside
// the program.
func socketExchanges(at string) []exchange {
	all := []exchange{
		socket(oneSocket, "/topics/events/ws"+query("last_event_id", at, "from", "now", "partition", "1", "key", "k", "filter", "true", "values", "text", "slow", "gap"), 101),
		socket(manySockets, "/ws?topic=events&topic=events", 101),
		socket(oneSocket, "/topics/nowhere/ws?form=now", 404).saidLater(), socket(manySockets, "/ws?form=now", 422).saidLater(),
	}
	all = append(all, socketOperations(101)...)
	for _, changed := range [][]string{
		{"Sec-WebSocket-Protocol", ""},
		{"Sec-WebSocket-Protocol", "live.v2.json"},
		{"Sec-WebSocket-Version", "8"},
		{"Sec-WebSocket-Key", "short"},
	} {
		for _, e := range socketOperations(400, changed...) {
			e.media = "" // What is wrong with WebSocket itself is said in a line of text.
			all = append(all, e)
		}
	}
	all = append(all, socketOperations(403, "Origin", "https://elsewhere.example")...)
	all = append(all, socketOperations(403, "Host", "elsewhere.example")...)
	all = append(all, socketOperations(426, "Upgrade", "")...)
	return append(all,
		get(oneSocket, "/topics/events/ws", 426), get(manySockets, "/ws", 426),
		socket(oneSocket, "/topics/events/ws?ticket=none", 401), socket(manySockets, "/ws?ticket=none", 401),
	)
}

// saidLater says that a WebSocket is opened to refuse it: a page is told nothing
// of a handshake that fails.
func (e exchange) saidLater() exchange {
	e.status, e.media, e.bodyIsWrong = http.StatusSwitchingProtocols, "", true
	return e
}

// awayStreams are those of a server that has never reached Kafka. A browser
// gives up for ever on any status but 200, so it is told by an event.
func awayStreams() []exchange {
	return append(streamOperations(http.StatusServiceUnavailable),
		get(readable, "/topics", 503),
		follow(oneStream, "/topics/events/events", 200), follow(manyStreams, "/events?topic=events", 200))
}
