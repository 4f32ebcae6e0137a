package redrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
)

const (
	// countFor is how long the summary of a list may count, and listFor how
	// long the whole list may take, receipts included.
	countFor = 10 * time.Second
	listFor  = time.Minute
	// dryRunFor is how long the answer to a dry run is waited for, and stopFor
	// how long the end of a redrive that is stopped.
	dryRunFor = 15 * time.Second
	stopFor   = 5 * time.Second
	// retryAfter is the pause, in seconds, that a client is asked for while
	// Kafka is away.
	retryAfter = 5
)

// API serves dead letters and redrives over HTTP.
type API struct{ service *Service }

// NewAPI makes the endpoints' handlers.
func NewAPI(s *Service) *API { return &API{s} }

// Register adds the endpoints to service B.
func (a *API) Register(s *httpserver.Server) {
	s.Handle(http.MethodGet, "/groups/{group}/dead-letters", answering(a.list), listDoc())
	s.Handle(http.MethodPost, "/groups/{group}/redrives", http.HandlerFunc(a.start), startDoc())
	s.Handle(http.MethodGet, "/groups/{group}/redrives/{id}", answering(a.get), getDoc())
	s.Handle(http.MethodDelete, "/groups/{group}/redrives/{id}", answering(a.stop), stopDoc())
}

// caller is who a request comes from.
func caller(r *http.Request) Caller {
	principal := access.From(r.Context())
	return Caller{Name: principal.Name(), May: principal.May}
}

// answering serves an endpoint without a body, whose answer is JSON.
func answering(ask func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := ask(r)
		if err != nil {
			httpserver.AnswerUnread(w, r, func() { problem("query.", err).Write(w) })
			return
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		// Texts, numbers and times within their bounds always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the answer cannot be written").Write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // A client that has gone is told nothing.
}

func (a *API) list(r *http.Request) (any, error) {
	q := ListRequest{Group: r.PathValue("group"), Within: countFor}
	err := parameters(r, map[string]func(string) error{
		"topic": func(v string) error { q.Topic = v; return nil },
		"from":  func(v string) error { q.From = v; return nil },
		"limit": func(v string) (err error) {
			if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 {
				return fmt.Errorf("has to be between 1 and %d", MaxPage)
			}
			return nil
		},
		"payloads": func(v string) (err error) {
			if q.Payloads, err = strconv.ParseBool(v); err != nil {
				return errors.New("has to be true or false")
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), listFor)
	defer cancel()
	return a.service.List(ctx, q, caller(r))
}

func (a *API) get(r *http.Request) (any, error) {
	if err := parameters(r, nil); err != nil {
		return nil, err
	}
	return a.service.Get(r.Context(), r.PathValue("group"), r.PathValue("id"), caller(r))
}

func (a *API) stop(r *http.Request) (any, error) {
	if err := parameters(r, nil); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), stopFor)
	defer cancel()
	return a.service.Stop(ctx, r.PathValue("group"), r.PathValue("id"), caller(r))
}

// parameters reads the query: each parameter at most once, and none that is
// not known.
func parameters(r *http.Request, known map[string]func(string) error) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fieldErrors{{Location: "query", Message: "is not a query string"}}
	}
	var wrong fieldErrors
	for name, values := range query {
		read, ok := known[name]
		message := ""
		switch {
		case !ok:
			message = "unknown parameter"
		case len(values) > 1:
			message = "is given more than once"
		default:
			if err := read(values[0]); err != nil {
				message = err.Error()
			}
		}
		if message != "" {
			wrong = append(wrong, httpserver.FieldError{Location: "query." + name, Message: message})
		}
	}
	return wrong.orNil()
}

// fieldErrors are what is wrong with a request.
type fieldErrors []httpserver.FieldError

func (e fieldErrors) Error() string { return "a parameter or field is unknown or wrong" }

func (e fieldErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortFunc(e, func(a, b httpserver.FieldError) int {
		if a.Location < b.Location {
			return -1
		}
		return 1
	})
	return e
}

// problem is the one place that maps errors to status codes. Fields are in the
// query or in the body.
func problem(where string, err error) *httpserver.Problem {
	invalid, isInvalid := errors.AsType[*InvalidError](err)
	running, isRunning := errors.AsType[*RunningError](err)
	topics, isTopics := errors.AsType[*TopicsError](err)
	fields, isFields := errors.AsType[fieldErrors](err)
	code, isCode := errors.AsType[*kerr.Error](err)
	switch {
	case isInvalid:
		fields = fieldErrors{{Location: where + invalid.Field, Message: invalid.Message}}
		fallthrough
	case isFields:
		p := httpserver.NewProblem(http.StatusUnprocessableEntity, fields.Error())
		p.Errors = fields
		return p
	case isRunning:
		return httpserver.NewProblem(http.StatusConflict, running.Error())
	case isTopics:
		return httpserver.NewProblem(http.StatusConflict, topics.Error())
	case errors.Is(err, ErrNoLetters), errors.Is(err, ErrUnknown):
		return httpserver.NewProblem(http.StatusNotFound, err.Error())
	case errors.Is(err, ErrForbidden):
		return httpserver.NewProblem(http.StatusForbidden, err.Error())
	case isCode && !code.Retriable && !errors.Is(err, kafka.ErrAway):
		return refusedByKafka(code, err)
	}
	detail := err.Error()
	if errors.Is(err, kafka.ErrAway) {
		detail = "Kafka is not available" // Why is in the log of the service, and for its operators.
	}
	p := httpserver.NewProblem(http.StatusServiceUnavailable, detail)
	p.RetryAfter = retryAfter
	return p
}

func refusedByKafka(code *kerr.Error, err error) *httpserver.Problem {
	for _, refusal := range []*kerr.Error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed,
	} {
		if code.Code == refusal.Code {
			return httpserver.NewProblem(http.StatusForbidden, "Kafka does not let this service do that: "+code.Message)
		}
	}
	return httpserver.NewProblem(http.StatusBadGateway, "Kafka refused: "+err.Error())
}
