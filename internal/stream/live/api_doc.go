package live

import (
	"maps"
	"net/http"
	"slices"

	"sluice/internal/httpserver"
)

const docTag = "streams"

// Register adds the endpoints to service B.
func (a *API) Register(s *httpserver.Server) {
	get := func(path string, h http.HandlerFunc, doc httpserver.Doc) {
		doc.Tag, doc.Tickets = docTag, true
		s.Handle(http.MethodGet, path, h, doc)
	}
	s.Handle(http.MethodGet, "/sluice.js", serveScript(), scriptDoc())
	topics := httpserver.Param{Name: "topic", Description: "A topic; may be given several times.", Required: true}
	get("/topics", a.listTopics, topicsDoc())
	get("/topics/{topic}/records", a.records, recordsDoc())
	get("/topics/{topic}/events", a.events, eventsDoc("streamTopic", "A topic's records, live"))
	get("/events", a.events, eventsDoc("streamTopics", "Several topics' records, live", topics))
	get("/topics/{topic}/ws", a.socket, socketDoc("socketTopic", "A topic's records over WebSocket", streamParams()...))
	get("/ws", a.socket, socketDoc("socketTopics", "Several topics' records over WebSocket",
		append(streamParams(), httpserver.Param{Name: "topic", Description: "A topic; may be given several times."})...))
}

// scriptDoc needs no credential: a page loads the client before it has one.
func scriptDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "streamScript", Summary: "The client for pages", Tag: docTag, Open: true,
		Description: "An ES module without dependencies: import { open } from \"/sluice.js\". See docs/streams.md.",
		Answers: map[int]httpserver.Answer{
			http.StatusOK:          {Description: "The module.", ContentType: "text/javascript"},
			http.StatusNotModified: {Description: "The client has it already, as its If-None-Match says."},
		},
	}
}

// answers are those that every endpoint may give, and more.
func answers(more map[int]httpserver.Answer) map[int]httpserver.Answer {
	all := map[int]httpserver.Answer{
		http.StatusForbidden:           {Description: "This credential may not read the topic.", Problem: true},
		http.StatusNotFound:            {Description: "The topic does not exist, or may not be streamed.", Problem: true},
		http.StatusUnprocessableEntity: {Description: "A parameter is wrong; errors lists all that are.", Problem: true},
		http.StatusServiceUnavailable:  unavailable("Kafka is away, or there is no room."),
	}
	maps.Copy(all, more)
	return all
}

func unavailable(description string) httpserver.Answer {
	return httpserver.Answer{Description: description, Problem: true, Headers: map[string]string{"Retry-After": "Seconds to wait."}}
}

func topicsDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "listTopics", Summary: "The topics that may be read",
		Description: "With their partitions and offsets, as Kafka said within the last second.",
		Answers: map[int]httpserver.Answer{
			http.StatusOK:                  {Description: "The topics.", Body: TopicList{}},
			http.StatusBadGateway:          {Description: "Kafka refuses to list its topics.", Problem: true},
			http.StatusUnprocessableEntity: {Description: "There is a parameter.", Problem: true},
			http.StatusServiceUnavailable:  unavailable("Kafka is away."),
		},
	}
}

func recordsDoc() httpserver.Doc {
	query := []httpserver.Param{
		{Name: "from", Description: "Where to begin without a cursor: earliest, a duration before now such as -15m, a time of RFC 3339, or an offset of the partition. Default: earliest."},
		{Name: "to", Description: "Where to end: before the first record of each partition at that time or later, or before an offset of the partition. Default: the end of what is committed."},
		{Name: "limit", Description: "How many records at most, 1 to 1000. Default: 100.", Type: "integer"},
	}
	query = append(query, selectionParams()...)
	page := map[string]string{nextHeader: "The cursor of the next page.", endHeader: "Whether all was looked at: true or false."}
	return httpserver.Doc{
		ID: "readRecords", Summary: "A page of a topic's records",
		Description: "Looks at 10,000 records at most, for a second and up to 1 MiB, and answers what it has: an empty page is not the end. Following next to the end yields every record once. See docs/streams.md.",
		Query:       query,
		Headers:     []httpserver.Param{{Name: "Last-Event-ID", Description: "The cursor; it wins over last_event_id."}},
		Answers: answers(map[int]httpserver.Answer{
			http.StatusOK:   {Description: "The page.", Body: RecordPage{}, Bodies: map[string]any{ndjson: PageRecord{}}, Headers: page},
			http.StatusGone: {Description: "The records behind the cursor are not there any more; errors says which.", Problem: true, Headers: map[string]string{nextHeader: "The cursor behind what is missing."}},
		}),
	}
}

func eventsDoc(id, summary string, more ...httpserver.Param) httpserver.Doc {
	query := slices.Concat(more, streamParams())
	query = append(query, httpserver.Param{Name: "strict", Description: "1: answer 410 and 503 where the stream could only begin with a gap or a goodbye.", Enum: []any{"0", "1"}})
	return httpserver.Doc{
		ID: id, Summary: summary,
		Description: "Server-Sent Events: a message for each record, and ready, position, caughtup, gap, stalled and bye. At least once, in the order of each partition, from the cursor, on any replica; what was skipped is said. See docs/streams.md.",
		Query:       query,
		Headers:     []httpserver.Param{{Name: "Last-Event-ID", Description: "The cursor to resume from; it wins over last_event_id."}},
		Answers: answers(map[int]httpserver.Answer{
			http.StatusOK:                 {Description: "The stream.", ContentType: "text/event-stream"},
			http.StatusGone:               {Description: "With strict=1: the cursor cannot be resumed without a gap.", Problem: true},
			http.StatusServiceUnavailable: unavailable("With strict=1: the stream cannot begin now."),
		}),
	}
}

func socketDoc(id, summary string, query ...httpserver.Param) httpserver.Doc {
	return httpserver.Doc{
		ID: id, Summary: summary, WebSocket: true,
		Description: "A WebSocket with the subprotocol " + subprotocol + ". The first frame subscribes, within 10 s: {\"subscribe\":[{\"topic\":\"orders\",\"from\":\"-15m\"}]}; with parameters in the query there is no such frame. Frames are objects of id, event and data. What is wrong with the request is said by a frame error and the code of the close. See docs/streams.md.",
		Query:       query,
		Headers:     []httpserver.Param{{Name: "Sec-WebSocket-Protocol", Description: subprotocol, Required: true}},
		Answers: map[int]httpserver.Answer{
			http.StatusSwitchingProtocols: {Description: "The WebSocket.", Bodies: map[string]any{"application/json": Subscription{}}},
			http.StatusBadRequest:         {Description: "The subprotocol is missing; or, in a line of text, the version or the key of the WebSocket is wrong.", Problem: true, ContentType: "text/plain"},
			http.StatusForbidden:          {Description: "A page of an origin that is not trusted.", Problem: true},
			http.StatusUpgradeRequired:    {Description: "The request is not for a WebSocket.", Problem: true, Headers: map[string]string{"Upgrade": "websocket"}},
		},
	}
}

func streamParams() []httpserver.Param {
	return append([]httpserver.Param{
		{Name: "from", Description: "Where to begin without a cursor: now, earliest, a duration before now such as -15m, or a time of RFC 3339. Default: now."},
		{Name: "slow", Description: "What happens to a client that falls behind too far: a gap, or the end.", Enum: []any{"gap", "close"}},
	}, selectionParams()...)
}

func selectionParams() []httpserver.Param {
	return []httpserver.Param{
		{Name: "last_event_id", Description: "The cursor to resume from: the id of the last event."},
		{Name: "partition", Description: "Only records of this partition.", Type: "integer"},
		{Name: "key", Description: "Only records with this key."},
		{Name: "filter", Description: "Only records for which this expression (CEL) is true; see docs/filters.md."},
		{Name: "values", Description: "How values look: auto embeds JSON, and writes text as a string and anything else as base64.", Enum: []any{"auto", "json", "text", "base64"}},
	}
}
