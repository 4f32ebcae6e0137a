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
// the body is read, and puts the principal into the request's context. Where
// no authentication is configured it is not there at all.
func (s *Server) authenticated(next http.Handler, doc Doc) http.Handler {
	if s.opts.Auth == nil || doc.Open {
		return next
	}
	refuse := doc.Refuse
	if refuse == nil {
		refuse = func(w http.ResponseWriter, _ *http.Request, p *Problem) { p.Write(w) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, err := s.opts.Auth.Authenticate(r)
		if err != nil {
			AnswerUnread(w, r, func() { refuse(w, r, unauthenticated(w, r, err)) })
			return
		}
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), principal)))
	})
}

// unauthenticated is the answer to a request without a principal.
func unauthenticated(w http.ResponseWriter, r *http.Request, err error) *Problem {
	p := NewProblem(http.StatusUnauthorized, err.Error())
	if errors.Is(err, access.ErrUnavailable) {
		p = NewProblem(http.StatusServiceUnavailable, err.Error())
		p.RetryAfter = retryAfter
	} else {
		w.Header()["Www-Authenticate"] = challenges
	}
	return notDone(r, p)
}
