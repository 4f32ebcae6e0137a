package httpserver

import (
	"errors"
	"io"
	"net/http"
	"time"

	"sluice/internal/access"
)

// What is read of a body that nobody wants, so that its client sees the answer.
const (
	discardFor  = 2 * time.Second
	discardMost = 16 << 20
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
			answerUnread(w, r, func() { refuse(w, r, unauthenticated(w, r, err)) })
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

// answerUnread answers a request whose body was not read, and then reads and
// throws away what comes for a short while: a client that is still sending when
// the connection closes sees a reset instead of the answer.
func answerUnread(w http.ResponseWriter, r *http.Request, answer func()) {
	if r.ContentLength == 0 || r.Header.Get("Expect") != "" || r.ProtoMajor != 1 {
		answer()
		return
	}
	control := http.NewResponseController(w)
	// Without full duplex the server ends the body at the first flush.
	_ = control.EnableFullDuplex() // Where it cannot be had, the server drains a little by itself.
	answer()
	_ = control.Flush()
	ExtendRead(w, discardFor)
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, discardMost)) // An error ends it as its end does.
}
