package dashboard

import (
	"context"
	"net/http"
	"time"

	"sluice/consumer"
	"sluice/internal/httpserver"
	"sluice/internal/pages"
	"sluice/record"
)

// Deps is what the dashboard shows. The functions are called from several
// goroutines, must not block, and are asked at most once a second however many
// look, but for Produce.
type Deps struct {
	// Replica is the name that this replica goes by, such as its host's, and
	// Version the program's.
	Replica, Version string
	// Ready lists why the service cannot do its work now; empty where it can.
	Ready func() []string
	// Handlers are those of this program; nil for none.
	Handlers func() []Handler
	// Streams are the live streams of this replica; nil where there are none.
	Streams func() StreamTotals
	// Watchers are the clients of those streams; nil where they are not known
	// one by one.
	Watchers func() []Watcher
	// Produce writes one record and waits for Kafka's acknowledgement. The
	// context carries the principal, whose right to write was checked. The
	// problem is what service A would answer. Nil where there is no service A:
	// the page then has no form.
	Produce func(ctx context.Context, r record.Record) (Written, *httpserver.Problem)
}

// Handler is one of this program's handlers.
type Handler struct {
	// Topics are those that it reads, as its settings say: who may read all of
	// them may see it.
	Topics []string
	Status consumer.Status
}

// StreamTotals counts the live streams of this replica. The counters begin with
// the process.
type StreamTotals struct {
	Clients   int            `json:"clients" doc:"Streams that are open on this replica."`
	Delivered uint64         `json:"delivered" doc:"Records that were written to streams, since the start."`
	Bytes     uint64         `json:"bytes" doc:"Bytes that were written to streams, since the start."`
	Gaps      uint64         `json:"gaps" doc:"Gaps that were told, since the start."`
	Topics    []WatchedTopic `json:"topics" doc:"The topics that are watched, or were until a moment ago."`
}

// WatchedTopic counts the streams of one topic.
type WatchedTopic struct {
	Topic   string `json:"topic"`
	Clients int    `json:"clients" doc:"Streams of it that are open."`
	Bytes   int64  `json:"bytes" doc:"Memory that holds its newest records for all of its streams."`
	Stalled int    `json:"stalled" doc:"Partitions behind an open transaction: their streams wait there."`
}

// Watcher is one client of the live streams.
type Watcher struct {
	Principal string    `json:"principal,omitempty" doc:"Who it is; absent where no authentication is configured."`
	Remote    string    `json:"remote" doc:"The address that it is connected from."`
	Transport string    `json:"transport" enum:"sse,ws"`
	Topics    []string  `json:"topics"`
	Filter    string    `json:"filter,omitempty" doc:"The expression that its records have to match."`
	Since     time.Time `json:"since" doc:"When it was opened."`
	Delivered uint64    `json:"delivered" doc:"Records that were written to it."`
	// Behind is how many records there are that it has not been sent yet.
	Behind int64 `json:"behind" doc:"Records that it has not been sent yet; 0 for one that is live."`
}

// Written is where Kafka has put a record. Timestamp is zero where the topic's
// brokers stamp records themselves.
type Written struct {
	Partition int32
	Offset    int64
	Timestamp time.Time
}

// Dashboard is the page and its endpoints. All methods may be called at any
// time from any goroutine.
type Dashboard struct {
	deps   Deps
	files  *pages.Files
	states states
}

// New makes a dashboard.
func New(deps Deps) *Dashboard {
	return &Dashboard{deps: deps, files: embedded(), states: states{deps: deps, started: time.Now().UTC()}}
}

const docTag = "dashboard"

// Register adds the page and its endpoints to service B. The page at "/" is
// added by the program, see Root.
func (d *Dashboard) Register(s *httpserver.Server) {
	known := httpserver.Answer{Description: "The client has it already, as its If-None-Match says."}
	page := map[int]httpserver.Answer{
		http.StatusOK:          {Description: "The page.", ContentType: "text/html"},
		http.StatusNotModified: known,
	}
	doc := httpserver.Doc{
		ID: "dashboard", Summary: "The dashboard", Tag: docTag, Open: true,
		Description: "A page for people, which a browser also gets at /. It holds no data: it asks for them with the credential of who looks at it.",
		Answers:     page,
	}
	s.Handle(http.MethodGet, "/dashboard", http.HandlerFunc(d.servePage), doc)
	s.Handle(http.MethodGet, "/dashboard/assets/{file...}", http.HandlerFunc(d.serveFile), httpserver.Doc{
		ID: "dashboardFile", Summary: "A file of the dashboard", Tag: docTag, Open: true,
		Description: "Scripts, styles and the icon.",
		Path:        []httpserver.Param{{Name: "file", Description: "Its name."}},
		Answers: map[int]httpserver.Answer{
			http.StatusOK:          {Description: "The file.", Bodies: map[string]any{"text/javascript": nil, "text/css": nil, "image/svg+xml": nil}},
			http.StatusNotModified: known,
			http.StatusNotFound:    {Description: "There is no such file.", Problem: true},
		},
	})
	s.Handle(http.MethodGet, "/dashboard/state", http.HandlerFunc(d.serveState), httpserver.Doc{
		ID: "dashboardState", Summary: "What only this replica knows", Tag: docTag,
		Description: "Handlers whose topics the principal may read, and the live streams of those topics. Up to a second old. Who has the streams is told to those who may operate on their topics.",
		Answers: map[int]httpserver.Answer{
			http.StatusOK:                  {Description: "The replica's state.", Body: replicaState{}},
			http.StatusUnprocessableEntity: {Description: "There is a query parameter: the endpoint takes none.", Problem: true},
		},
	})
	if d.deps.Produce != nil {
		s.Handle(http.MethodPost, "/dashboard/records", http.HandlerFunc(d.write), writeDoc())
	}
}
