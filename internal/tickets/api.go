package tickets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/httpserver"
)

// Deps are what the endpoints need.
type Deps struct {
	// Tickets makes the tickets and the sessions.
	Tickets *access.Tickets
	// Filter says what is wrong with the text of a filter, in words for its
	// writer, or nil. It is given 1 to 1024 bytes of UTF-8.
	Filter func(text string) error
}

// API are the endpoints.
type API struct{ deps Deps }

// New makes the endpoints' handlers.
func New(deps Deps) *API { return &API{deps: deps} }

// Ticket is the answer to a request for one.
type Ticket struct {
	Ticket  string    `json:"ticket" doc:"The ticket, for the query parameter ticket."`
	Expires time.Time `json:"expires" doc:"Until when it can be used. What it has opened lasts for as long as the credential behind it."`
}

// Session is the answer to the beginning of one.
type Session struct {
	Principal string    `json:"principal" doc:"Whose it is; empty where no authentication is configured."`
	Expires   time.Time `json:"expires" doc:"When it ends."`
}

func (a *API) ticket(w http.ResponseWriter, r *http.Request) {
	q, p := a.read(w, r)
	if p != nil {
		httpserver.AnswerUnread(w, r, func() { p.Write(w) })
		return
	}
	text, expires, err := a.deps.Tickets.Issue(access.IdentityFrom(r.Context()), q)
	if err != nil {
		problem(err).Write(w)
		return
	}
	write(w, Ticket{Ticket: text, Expires: expires.UTC()})
}

func (a *API) begin(w http.ResponseWriter, r *http.Request) {
	if p := empty(w, r); p != nil {
		httpserver.AnswerUnread(w, r, func() { p.Write(w) })
		return
	}
	identity := access.IdentityFrom(r.Context())
	cookie, ends, err := a.deps.Tickets.Session(identity)
	if err != nil {
		problem(err).Write(w)
		return
	}
	http.SetCookie(w, cookie)
	write(w, Session{Principal: identity.Principal().Name(), Expires: ends.UTC()})
}

func (a *API) end(w http.ResponseWriter, r *http.Request) {
	if p := empty(w, r); p != nil {
		httpserver.AnswerUnread(w, r, func() { p.Write(w) })
		return
	}
	http.SetCookie(w, access.NoSession())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// problem is what a request is told of an error of package access.
func problem(err error) *httpserver.Problem {
	switch {
	case errors.Is(err, access.ErrTicketRequest):
		return httpserver.NewProblem(http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, access.ErrNoCredential), errors.Is(err, access.ErrBadCredential):
		// It has ended since the request began.
		return httpserver.NewProblem(http.StatusUnauthorized, err.Error())
	}
	return httpserver.NewProblem(http.StatusInternalServerError, "the ticket could not be made")
}

// empty refuses parameters and a body, which mean nothing here; an empty JSON
// object is what some clients send for none.
func empty(w http.ResponseWriter, r *http.Request) *httpserver.Problem {
	if p := noQuery(r); p != nil {
		return p
	}
	body, p := readBody(w, r)
	if p != nil {
		return p
	}
	if text := strings.TrimSpace(string(body)); text != "" && text != "{}" {
		return httpserver.NewProblem(http.StatusUnprocessableEntity, "this endpoint takes no body")
	}
	return nil
}

func noQuery(r *http.Request) *httpserver.Problem {
	if r.URL.RawQuery == "" {
		return nil
	}
	return httpserver.NewProblem(http.StatusUnprocessableEntity, "this endpoint takes no query parameters")
}

// maxBody bounds the body of a request.
const maxBody = 16 << 10

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *httpserver.Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, httpserver.NewProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the request body is over the limit of %d KiB", maxBody>>10))
	} else if err != nil {
		return nil, httpserver.NewProblem(http.StatusBadRequest, "the request body was cut off or came too slowly")
	}
	return body, nil
}

func write(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// Strings and times of our own always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the answer cannot be written").Write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // A client that has gone is told nothing.
}
