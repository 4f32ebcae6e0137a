package groups

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"

	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
)

// API are the endpoints that tell what Kafka knows of groups.
type API struct {
	memory   memory
	handlers []Handler
	away     func() error
	host     string
}

// NewAPI makes the endpoints' handlers. The handlers are those of this program;
// away, where it is not nil, says why Kafka is known not to answer, or nil, and
// spares requests the wait.
func NewAPI(inspector *Inspector, handlers []Handler, away func() error) *API {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &API{memory: memory{inspector: inspector}, handlers: handlers, away: away, host: host}
}

// Overview is a group of one of this program's handlers, in a list.
type Overview struct {
	Group   string   `json:"group"`
	Handler string   `json:"handler" doc:"The handler's name."`
	Topics  []string `json:"topics" doc:"Topics that the handler reads."`
	// State and the totals are those of Group.
	State string `json:"state,omitempty" doc:"Kafka's word for the group's state; absent beside a problem."`
	Total
	Members int    `json:"members" doc:"How many members the group has, on all replicas."`
	Problem string `json:"problem,omitempty" doc:"Why nothing more is known of the group."`
}

// Groups is the groups of this program's handlers.
type Groups struct {
	Groups []Overview `json:"groups"`
}

// Detail is a group, and what this replica knows of it besides.
type Detail struct {
	Group
	ThisReplica Replica `json:"this_replica" doc:"What only the replica knows that answers: its own members of the group."`
}

// Replica are the members of a group that one replica runs.
type Replica struct {
	Host    string            `json:"host" doc:"The replica's host name."`
	Members []consumer.Status `json:"members" doc:"Its members of the group; empty where it has none."`
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	if p := noQuery(r); p != nil {
		p.Write(w)
		return
	}
	principal := access.From(r.Context())
	var mine []Handler
	for _, h := range a.handlers {
		if mayRead(principal, h.Group, h.Topics) {
			mine = append(mine, h)
		}
	}
	summaries := make([]Overview, len(mine))
	problems := make([]*httpserver.Problem, len(mine))
	var wg sync.WaitGroup
	for n, h := range mine {
		wg.Go(func() { summaries[n], problems[n] = a.summary(r.Context(), h) })
	}
	wg.Wait()
	if n := slices.IndexFunc(problems, func(p *httpserver.Problem) bool { return p != nil }); n >= 0 {
		problems[n].Write(w)
		return
	}
	write(w, Groups{Groups: summaries})
}

// summary returns one entry of the list. The problem is that Kafka is away,
// which concerns all of them; any other one is in the entry.
func (a *API) summary(ctx context.Context, h Handler) (Overview, *httpserver.Problem) {
	s := Overview{Group: h.Group, Handler: h.Name, Topics: h.Topics}
	g, err := a.inspect(ctx, h.Group)
	switch p := problem(err, h.Group); {
	case p == nil:
		s.State, s.Total, s.Members = g.State, g.Total, len(g.Members)
	case p.Status == http.StatusServiceUnavailable:
		return s, p
	default:
		s.Problem = p.Detail
	}
	return s, nil
}

func (a *API) detail(w http.ResponseWriter, r *http.Request) {
	if p := noQuery(r); p != nil {
		p.Write(w)
		return
	}
	name := r.PathValue("group")
	g, err := a.inspect(r.Context(), name)
	if p := problem(err, name); p != nil {
		p.Write(w)
		return
	}
	if !mayRead(access.From(r.Context()), name, g.Topics) {
		httpserver.NewProblem(http.StatusForbidden, "this principal may not read all topics of group "+strconv.Quote(name)).Write(w)
		return
	}
	d := Detail{Group: *g, ThisReplica: Replica{Host: a.host, Members: []consumer.Status{}}}
	for _, h := range a.handlers {
		if h.Group == name && h.Member != nil {
			d.ThisReplica.Members = append(d.ThisReplica.Members, h.Member.Status())
		}
	}
	write(w, d)
}

// inspect asks about a group, with what this program knows of it.
func (a *API) inspect(ctx context.Context, name string) (*Group, error) {
	if a.away != nil {
		if err := a.away(); err != nil {
			return nil, err
		}
	}
	q := Question{Group: name}
	for _, h := range a.handlers {
		if h.Group == name {
			q.Topics = slices.Concat(q.Topics, h.Topics)
			q.FromEnd = h.FromEnd
		}
	}
	return a.memory.inspect(ctx, q)
}

// problem returns what a request is told of an error, or nil.
func problem(err error, group string) *httpserver.Problem {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrBadName):
		return httpserver.NewProblem(http.StatusUnprocessableEntity, "the path names no group: "+err.Error())
	case errors.Is(err, errTooMany):
		return httpserver.NewProblem(http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, ErrUnknownGroup):
		return httpserver.NewProblem(http.StatusNotFound, "Kafka knows no group "+strconv.Quote(group)+
			": it has neither members nor committed offsets. GET /groups lists those of this program's handlers.")
	case forbidden(err):
		return httpserver.NewProblem(http.StatusForbidden, "Kafka does not let this service ask about group "+strconv.Quote(group)+
			": it needs the right to describe the group and its topics")
	}
	p := httpserver.NewProblem(http.StatusServiceUnavailable, kafka.ErrAway.Error())
	p.RetryAfter = 1
	return p
}

// noQuery refuses query parameters.
func noQuery(r *http.Request) *httpserver.Problem {
	if r.URL.RawQuery == "" {
		return nil
	}
	return httpserver.NewProblem(http.StatusUnprocessableEntity, "this endpoint takes no query parameters")
}

func write(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// Strings, numbers and times of our own always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the answer cannot be written").Write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // A client that has gone is told nothing.
}
