package dashboard

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/httpserver"
)

const (
	// stateFor is how long a state is answered again before the replica is
	// asked anew.
	stateFor = time.Second
	// mostTroubles and mostWatchers bound the answer.
	mostTroubles = 20
	mostWatchers = 200
)

// replicaState is what only this replica knows.
type replicaState struct {
	Replica   string    `json:"replica" doc:"The name of the replica that answers."`
	Version   string    `json:"version"`
	Principal string    `json:"principal" doc:"Who asks; empty where no authentication is configured."`
	Started   time.Time `json:"started"`
	At        time.Time `json:"at" doc:"When this was true."`
	NotReady  []string  `json:"not_ready" doc:"Why the service cannot do its work now; empty where it can."`
	CanWrite  bool      `json:"can_write" doc:"Whether records can be written here (POST /dashboard/records)."`
	// Handlers are those that the principal may see.
	Handlers []handlerNow `json:"handlers" doc:"This replica's part of the work of each handler."`
	Streams  StreamTotals `json:"streams" doc:"Its live streams. The counters of all streams together are of all topics, those of a topic only where it may be read."`
	// Watchers are those on whose topics the principal may operate.
	Watchers    []Watcher `json:"watchers" doc:"The clients of the live streams of those topics on which the principal may operate; 200 at most."`
	AllWatchers bool      `json:"all_watchers" doc:"Whether every one of them is listed."`
}

// handlerNow is what this replica does for a handler.
type handlerNow struct {
	Handler   string          `json:"handler"`
	Group     string          `json:"group"`
	Topics    []string        `json:"topics" doc:"What it reads."`
	NotJoined string          `json:"not_joined,omitempty" doc:"Why the member is not in its group at present."`
	Held      string          `json:"held,omitempty" doc:"Why the handler is given no record at present."`
	HeldUntil time.Time       `json:"held_until,omitzero"`
	Records   consumer.States `json:"records" doc:"Records by state, since the start."`
	// Partitions and Lanes are how many the member has now.
	Partitions    int       `json:"partitions" doc:"Partitions that are assigned to this replica."`
	Lanes         int       `json:"lanes" doc:"Lanes that have records."`
	OldestRunning time.Time `json:"oldest_running,omitzero" doc:"When the attempt began that has run for longest."`
	Troubles      []trouble `json:"troubles" doc:"Partitions that do not go on by themselves, or wait to try a record again; 20 at most."`
}

// trouble is a partition that does not simply go on.
type trouble struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Stopped   string `json:"stopped,omitempty" doc:"Why nothing more of it is handled until this member is started again."`
	Restoring string `json:"restoring,omitempty" doc:"Why the handler waits for its state of it."`
	LastError string `json:"last_error,omitempty" doc:"Why a record of it waits to be tried again."`
}

func newHandlerNow(h Handler) handlerNow {
	s := h.Status
	now := handlerNow{
		Handler: s.Handler, Group: s.Group, Topics: slices.Clone(h.Topics), NotJoined: s.NotJoined,
		Held: s.Held, HeldUntil: s.HeldUntil, Records: s.Records, Partitions: len(s.Partitions), Troubles: []trouble{},
	}
	for _, p := range s.Partitions {
		now.Lanes += p.Lanes
		if !p.OldestRunning.IsZero() && (now.OldestRunning.IsZero() || p.OldestRunning.Before(now.OldestRunning)) {
			now.OldestRunning = p.OldestRunning
		}
		if (p.Stopped != "" || p.Restoring != "" || p.LastError != "") && len(now.Troubles) < mostTroubles {
			now.Troubles = append(now.Troubles, trouble{p.Topic, p.Partition, p.Stopped, p.Restoring, p.LastError})
		}
	}
	return now
}

// states answers with the replica's state. It is polled by every page that is
// open, so the replica is asked once a second, and the answer is encoded once
// for each principal.
type states struct {
	deps    Deps
	started time.Time

	mu      sync.Mutex
	all     replicaState // what a principal with every right sees
	encoded map[*access.Principal][]byte
}

// answer returns the state as a principal may see it, as JSON.
func (s *states) answer(p *access.Principal, now time.Time) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encoded == nil || now.Sub(s.all.At) >= stateFor || now.Before(s.all.At) {
		s.all, s.encoded = s.ask(now), map[*access.Principal][]byte{}
	}
	body, ok := s.encoded[p]
	if !ok {
		var err error
		if body, err = json.Marshal(s.all.seenBy(p)); err != nil {
			return nil, err
		}
		s.encoded[p] = body
	}
	return body, nil
}

func (s *states) ask(now time.Time) replicaState {
	all := replicaState{
		Replica: s.deps.Replica, Version: s.deps.Version, Started: s.started, At: now.UTC(),
		NotReady: []string{}, CanWrite: s.deps.Produce != nil, Handlers: []handlerNow{}, Watchers: []Watcher{},
	}
	if s.deps.Ready != nil {
		all.NotReady = append(all.NotReady, s.deps.Ready()...)
	}
	if s.deps.Handlers != nil {
		for _, h := range s.deps.Handlers() {
			all.Handlers = append(all.Handlers, newHandlerNow(h))
		}
	}
	if s.deps.Streams != nil {
		all.Streams = s.deps.Streams()
	}
	if s.deps.Watchers != nil {
		all.Watchers = append(all.Watchers, s.deps.Watchers()...)
	}
	return all
}

// seenBy returns what a principal may see.
func (s replicaState) seenBy(p *access.Principal) replicaState {
	s.Principal = p.Name()
	all := func(right access.Right, topics []string) bool {
		if len(topics) == 0 {
			return p.May(right, "*")
		}
		return !slices.ContainsFunc(topics, func(topic string) bool { return !p.May(right, topic) })
	}
	handlers, topics, watchers := []handlerNow{}, []WatchedTopic{}, []Watcher{}
	for _, h := range s.Handlers {
		if all(access.Read, h.Topics) {
			handlers = append(handlers, h)
		}
	}
	for _, t := range s.Streams.Topics {
		if p.May(access.Read, t.Topic) {
			topics = append(topics, t)
		}
	}
	for _, w := range s.Watchers {
		if all(access.Operate, w.Topics) && len(watchers) < mostWatchers {
			watchers = append(watchers, w)
		}
	}
	s.AllWatchers = len(watchers) == s.Streams.Clients
	s.Handlers, s.Streams.Topics, s.Watchers = handlers, topics, watchers
	return s
}

func (d *Dashboard) serveState(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		httpserver.NewProblem(http.StatusUnprocessableEntity, "this endpoint takes no query parameters").Write(w)
		return
	}
	body, err := d.states.answer(access.From(r.Context()), time.Now())
	if err != nil {
		// Strings, numbers and times of our own always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the answer cannot be written").Write(w)
		return
	}
	writeJSON(w, body)
}

func writeJSON(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // A client that has gone is told nothing.
}
