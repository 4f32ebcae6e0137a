//go:build browser

package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/internal/dashboard"
	"sluice/internal/httpserver"
	"sluice/record"
)

// fake is a service B whose answers the test decides: its wire is that of the
// real one, its Kafka a list of frames.
type fake struct {
	*service

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew when a frame comes
	frames   []string      // events without their ids
	cut      chan struct{} // closed and made anew to end all streams
	streams  int
	key      string // that opens a session; "" where nobody is asked for one
	session  bool
	redrives map[string]int // how often the status of each was asked for
	started  []map[string]any
	written  []record.Record
	operate  bool
	lag      int64
}

func newFake(t *testing.T, change func(*fake)) *fake {
	f := &fake{changed: make(chan struct{}), cut: make(chan struct{}), redrives: map[string]int{}, operate: true, lag: 962}
	if change != nil {
		change(f)
	}
	deps := dashboard.Deps{
		Replica: "b-7f4c", Version: "1.2.3", Handlers: f.handlers, Streams: func() dashboard.StreamTotals {
			f.mu.Lock()
			defer f.mu.Unlock()
			return dashboard.StreamTotals{
				Clients: 1203 + f.streams, Delivered: 48_211_904, Bytes: 12_400_000_000, Gaps: 3,
				Topics: []dashboard.WatchedTopic{{Topic: "orders", Clients: 1190, Bytes: 61 << 20}, {Topic: "payments", Clients: 14, Bytes: 3 << 20, Stalled: 1}},
			}
		},
		Watchers: func() []dashboard.Watcher {
			since := time.Now().Add(-40 * time.Minute)
			return []dashboard.Watcher{
				{Principal: "anna", Remote: "192.0.2.17:50412", Transport: "sse", Topics: []string{"orders"}, Filter: "value.total > 100", Since: since, Delivered: 48_211},
				{Principal: "shop-wall", Remote: "192.0.2.9:41002", Transport: "ws", Topics: []string{"orders", "payments"}, Since: since.Add(-9 * time.Hour), Delivered: 9_120_441, Behind: 1204},
			}
		},
		Produce: func(_ context.Context, r record.Record) (dashboard.Written, *httpserver.Problem) {
			f.mu.Lock()
			f.written = append(f.written, r)
			f.mu.Unlock()
			f.say(`{"topic":"orders","partition":1,"offset":990001,"timestamp":` + now() + `,"key":null,"headers":[],"value":` + quoted(string(r.Value)) + `}`)
			return dashboard.Written{Partition: 1, Offset: 990001, Timestamp: time.Now()}, nil
		},
	}
	f.service = start(t, deps, nil, f.register)
	t.Cleanup(f.cutAll)
	return f
}

func now() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }

func quoted(s string) string {
	b, _ := json.Marshal(s) // A string always marshals.
	return string(b)
}

func (f *fake) handlers() []dashboard.Handler {
	return []dashboard.Handler{{Topics: []string{"orders"}, Status: consumer.Status{
		Handler: "billing", Group: "billing",
		Records: consumer.States{In: 999173, OK: 998211, Running: 214, Queued: 731, Retrying: 12, Dead: 5},
		Partitions: []consumer.PartitionStatus{
			{Topic: "orders", Partition: 0, Position: 190771, Committed: 190700, Lanes: 3, Records: consumer.States{Queued: 88}},
			{Topic: "orders", Partition: 1, Position: 55913, Committed: 55913, Lanes: 41, OldestRunning: time.Now().Add(-4 * time.Second), LastError: "502 Bad Gateway from billing.example", Records: consumer.States{Queued: 643, Running: 214, Retrying: 12}},
		},
	}}}
}

// say appends a record to the topic: it goes to every stream.
func (f *fake) say(data string) { f.frame("data: " + data + "\n\n") }

// event appends a control event.
func (f *fake) event(name, data string) { f.frame("event: " + name + "\ndata: " + data + "\n\n") }

func (f *fake) frame(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(f.frames, text)
	close(f.changed)
	f.changed = make(chan struct{})
}

// order appends a record as they mostly are.
func (f *fake) order(n int) {
	f.say(fmt.Sprintf(`{"topic":"orders","partition":%d,"offset":%d,"timestamp":%s,"key":"cust-%04d","headers":[{"key":"source","value":"shop"}],"value":%s}`,
		n%4, 184000+n/4, now(), n*7%1000, quoted(fmt.Sprintf(`{"order": "A-%d", "total": %d.90, "items": %d}`, 77000+n, 20+n*13%900, 1+n%5))))
}

// cutAll ends all streams, as a server that stops does.
func (f *fake) cutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.cut)
	f.cut = make(chan struct{})
}

func (f *fake) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams
}

func (f *fake) register(s *httpserver.Server, d *dashboard.Dashboard) {
	root(s, d)
	handle := func(method, path string, h http.HandlerFunc) {
		guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			refused := f.key != "" && !f.session && path != "/session" && path != "/sluice.js"
			f.mu.Unlock()
			if refused {
				httpserver.NewProblem(401, "a credential is needed").Write(w)
				return
			}
			h(w, r)
		})
		s.Handle(method, path, guarded, httpserver.Doc{ID: method + path, Tag: "t"})
	}
	handle("GET", "/sluice.js", func(w http.ResponseWriter, _ *http.Request) {
		body, err := os.ReadFile("../stream/live/sluice.js")
		if err != nil {
			httpserver.NewProblem(500, err.Error()).Write(w)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(body)
	})
	handle("GET", "/topics/{topic}/events", f.events)
	handle("GET", "/topics", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, f.topics()) })
	handle("GET", "/groups", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, `{"groups":[{"group":"billing","handler":"billing","topics":["orders"],"state":"Stable","lag":962,"lag_seconds":4.8,"unknown":0,"members":2}]}`)
	})
	handle("GET", "/groups/{group}", f.group)
	handle("GET", "/groups/{group}/dead-letters", f.letters)
	handle("POST", "/groups/{group}/redrives", f.redrive)
	handle("GET", "/groups/{group}/redrives/{id}", f.status)
	handle("POST", "/session", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+f.key {
			httpserver.NewProblem(401, "the API key is not known").Write(w)
			return
		}
		f.mu.Lock()
		f.session = true
		f.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
}

func answerJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body))
}

// events is a stream; its cursor is the number of the next frame. The filter
// takes records that have its text, and "(" is one that does not parse.
func (f *fake) events(w http.ResponseWriter, r *http.Request) {
	filter := r.URL.Query().Get("filter")
	if filter == "(" {
		httpserver.NewProblem(422, "filter: column 2: the expression ends too early").Write(w)
		return
	}
	httpserver.ExtendRead(w, 0)
	w.Header().Set("Content-Type", "text/event-stream")
	f.mu.Lock()
	next := len(f.frames)
	if r.URL.Query().Get("from") != "now" {
		next = 0
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		next, _ = strconv.Atoi(strings.TrimPrefix(id, "v1."))
	}
	f.streams++
	cut := f.cut
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.streams--; f.mu.Unlock() }()
	out := http.NewResponseController(w)
	_, _ = fmt.Fprintf(w, "retry: 100\nevent: ready\nid: v1.%d\ndata: {}\n\nevent: caughtup\ndata: {}\n\n", next)
	for {
		f.mu.Lock()
		var batch strings.Builder
		for ; next < len(f.frames); next++ {
			if frame := f.frames[next]; strings.HasPrefix(frame, "event") || strings.Contains(frame, filter) {
				fmt.Fprintf(&batch, "id: v1.%d\n%s", next+1, frame)
			}
		}
		changed := f.changed
		f.mu.Unlock()
		_, _ = w.Write([]byte(batch.String()))
		if out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fake) topics() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	partitions := make([]string, 4)
	for p := range partitions {
		end := 190000 + len(f.frames)/4
		partitions[p] = fmt.Sprintf(`{"partition":%d,"start":%d,"end":%d,"high_watermark":%d}`, p, 1000*p, end, end)
	}
	orders := `{"name":"orders","topic_id":"aGVsbG8tdG9waWMtaWQtMQ","partitions":[` + strings.Join(partitions, ",") + `]}`
	return `{"topics":[{"name":"audit.events","topic_id":"aGVsbG8tdG9waWMtaWQtMw","partitions":[{"partition":0,"start":0,"end":12,"high_watermark":12}]},` + orders +
		`,{"name":"payments","topic_id":"aGVsbG8tdG9waWMtaWQtMg","partitions":[{"partition":0,"start":12,"end":5120,"high_watermark":5140}]}]}`
}

func (f *fake) group(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	written, lag := int64(len(f.frames)), f.lag
	f.mu.Unlock()
	partition := func(p int32, end, lag int64, seconds float64, member string) map[string]any {
		return map[string]any{
			"topic": "orders", "partition": p, "committed": end - lag, "start": 1000 * p, "end": end, "lag": lag, "lag_seconds": seconds,
			"subscribed": true, "member": member,
		}
	}
	b, c := "sluice-b-7f4c-58e1b7de-4a60", "sluice-b-91d0-0c2f9a44-77ab"
	detail := map[string]any{
		"group": "billing", "state": "Stable", "type": "classic", "assignor": "cooperative-sticky", "topics": []string{"orders"}, "lag": lag, "lag_seconds": 4.8, "unknown": 0,
		"partitions": []any{
			partition(0, 190859+written, 88, 0.1, b), partition(1, 56615+written, lag-260, 4.8, b), partition(2, 184340+written, 120, 0.2, c), partition(3, 201056+written, 52, 0.1, c),
		},
		"members": []any{
			map[string]any{"id": b, "client_id": "sluice", "host": "10.0.0.4", "assigned": []any{map[string]any{"topic": "orders", "partitions": []int{0, 1}}}},
			map[string]any{"id": c, "client_id": "sluice", "host": "10.0.0.5", "assigned": []any{map[string]any{"topic": "orders", "partitions": []int{2, 3}}}},
		},
		"at":           time.Now(),
		"this_replica": map[string]any{"host": "b-7f4c", "members": []any{f.handlers()[0].Status}},
	}
	body, _ := json.Marshal(detail) // Numbers and strings always marshal.
	answerJSON(w, string(body))
}

const summary = `"summary":{"letters":7,"backlog":5,"foreign":0,"complete":true,"classes":[{"value":"exhausted","count":3},{"value":"permanent","count":2}],` +
	`"handlers":[{"value":"billing","count":5}],"messages":[{"value":"502 Bad Gateway from billing.example after 8 attempts","count":3},{"value":"400: unknown currency \"XBT\"","count":2}],` +
	`"oldest":"2026-11-23T11:12:01Z","newest":"2026-11-23T11:52:44Z"},`

func (f *fake) letters(w http.ResponseWriter, r *http.Request) {
	payload, head := "", summary
	if r.URL.Query().Get("payloads") == "true" {
		if !f.operate {
			httpserver.NewProblem(403, "this principal may not operate on topic orders").Write(w)
			return
		}
		payload, head = `,"payload":{"value":"{\"order\": \"A-70001\", \"note\": \"<b>bold</b>\"}","headers":[{"name":"source","value":"shop"}]}`, ""
	}
	var letters []string
	for n := range 5 {
		class, message := "exhausted", "502 Bad Gateway from billing.example after 8 attempts"
		if n > 2 {
			class, message = "permanent", `400: unknown currency \"XBT\"`
		}
		letters = append(letters, fmt.Sprintf(`{"topic":"orders","partition":%d,"offset":%d,"timestamp":"2026-11-23T11:12:00Z","dead_letter":{"topic":"orders.billing.dlq","partition":0,"offset":%d},`+
			`"class":%q,"message":"%s","handler":"billing","attempts":8,"first_failure":"2026-11-23T11:12:01Z","last_failure":"2026-11-23T11:5%d:44Z","replay_count":0,"key":"cust-000%d","key_size":9,"value_size":41,"header_count":1%s}`,
			n%4, 55000+n, n, class, message, n, n, payload))
	}
	if from := r.URL.Query().Get("from"); from != "" {
		n, _ := strconv.Atoi(from[strings.LastIndex(from, "/")+1:])
		letters = letters[n : n+1]
	}
	answerJSON(w, `{"group":"billing","topics":["orders"],`+head+`"letters":[`+strings.Join(letters, ",")+`]}`)
}

// redrive takes a dry run, which is done at once, or a run, which takes three
// looks at it.
func (f *fake) redrive(w http.ResponseWriter, r *http.Request) {
	var asked map[string]any
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		httpserver.NewProblem(400, "no JSON").Write(w)
		return
	}
	f.mu.Lock()
	f.started = append(f.started, asked)
	f.mu.Unlock()
	if asked["dry_run"] == true {
		answerJSON(w, redriveStatus("dry", "done", 3, asked))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(redriveStatus("run", "running", 0, asked)))
}

func (f *fake) status(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := r.PathValue("id")
	f.redrives[id]++
	state := "running"
	if f.redrives[id] > 2 {
		state = "done"
	}
	answerJSON(w, redriveStatus(id, state, min(3, f.redrives[id]), map[string]any{}))
}

func redriveStatus(id, state string, n int, asked map[string]any) string {
	reasons := ""
	if asked["dry_run"] == true {
		reasons = `,"reasons":{"classes":[{"value":"exhausted","count":3}],"handlers":[],"messages":[{"value":"502 Bad Gateway from billing.example after 8 attempts","count":3}]}`
	}
	request, _ := json.Marshal(asked) // It was JSON.
	return fmt.Sprintf(`{"id":%q,"group":"billing","topics":["orders"],"request":%s,"principal":"","state":%q,"counts":{"scanned":7,"redriven":%d,"already_redriven":2,"skipped_by_filter":2,"skipped_by_guard":0,"foreign":0}%s,"started":"2026-11-23T12:00:00Z","updated":"2026-11-23T12:00:00Z"}`,
		id, request, state, n, reasons)
}

// openStreams waits until so many streams are open.
func (f *fake) openStreams(n int) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.open() == n }, 20*time.Second, 10*time.Millisecond)
}
