package httpserver

import (
	"errors"
	"net/http"

	"sluice/internal/access"
)

// retryAfter is the pause, in seconds, that a client is asked for whose
// credential cannot be checked now.
const retryAfter = 5

// challenges are what a client may authenticate with, as RFC 9110, 11.6.1
// wants it said.
var challenges = []string{`Bearer realm="sluice"`, `Basic realm="sluice"`}

// authenticated lets only those in who can say who they are, before a byte of
// the body is read, and puts the identity into the request's context. Where
// no authentication is configured, only tickets are looked at.
func (s *Server) authenticated(next http.Handler, doc Doc) http.Handler {
	tickets := doc.Tickets && s.opts.Tickets != nil
	if doc.Open || s.opts.Auth == nil && !tickets {
		return next
	}
	refuse := doc.Refuse
	if refuse == nil {
		refuse = func(w http.ResponseWriter, _ *http.Request, p *Problem) { p.Write(w) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var identity *access.Identity
		var found bool
		var err error
		if tickets {
			identity, found, err = s.opts.Tickets.FromRequest(r)
		}
		if !found && s.opts.Auth != nil {
			identity, err = s.opts.Auth.Identify(r, s.opts.Tickets)
		}
		if err != nil {
			AnswerUnread(w, r, func() { refuse(w, r, unauthenticated(w, r, err)) })
			return
		}
		next.ServeHTTP(w, r.WithContext(access.WithIdentity(r.Context(), identity)))
	})
}

// unauthenticated is the answer to a request without a principal.
func unauthenticated(w http.ResponseWriter, r *http.Request, err error) *Problem {
	p := NewProblem(http.StatusUnauthorized, err.Error())
	if errors.Is(err, access.ErrUnavailable) {
		p = NewProblem(http.StatusServiceUnavailable, err.Error())
		p.RetryAfter = retryAfter
	} else {
		w.Header()["Www-Authenticate"] = challengesFor(r)
	}
	return notDone(r, p)
}

// challengesFor leaves Basic out where a script of a page asks: the browser
// would open its own window for a password, in front of the page's form.
func challengesFor(r *http.Request) []string {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return challenges[:1:1]
	}
	return challenges
}
