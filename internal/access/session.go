package access

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// sessionCookie has the prefix that makes browsers take it only with
	// Secure, for this host and for all of its paths (RFC 6265bis, 4.1.3), so
	// that no neighbour in the domain can put one of his own in its place.
	sessionCookie = "__Host-sluice_session"
	// sessionFor is how long a session lasts at most.
	sessionFor = 12 * time.Hour
)

// Session makes the cookie with which a browser proves who it is where a page
// cannot send a header, as with EventSource, and returns when it ends: after
// 12 hours, or with the credential that it was made with. The cookie is
// HttpOnly, Secure and SameSite=Strict. A ticket makes no session.
func (t *Tickets) Session(i *Identity) (cookie *http.Cookie, ends time.Time, err error) {
	if err := t.holds(i); err != nil {
		return nil, time.Time{}, err
	}
	if i.Ticket() {
		return nil, time.Time{}, fmt.Errorf("%w: a ticket makes no session", ErrTicketRequest)
	}
	c := contentOf(i)
	ends = c.expire(i, sessionFor)
	text, err := t.seal("session", c)
	if err != nil {
		return nil, time.Time{}, err
	}
	cookie = newCookie(text) //nolint:gosec // G124: newCookie sets all of them.
	// Rounded up: the browser may send it a moment too long, we take it no
	// longer. 0 would be a cookie without an end.
	cookie.MaxAge = max(1, int((time.Until(ends)+time.Second-1)/time.Second))
	return cookie, ends, nil
}

// NoSession makes the cookie with which a browser forgets its session. One that
// somebody has copied is good until its end, or until its credential's.
func NoSession() *http.Cookie {
	cookie := newCookie("") //nolint:gosec // G124: newCookie sets all of them.
	cookie.MaxAge = -1
	return cookie
}

func newCookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/",
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	}
}

// HasSession reports whether the request has the cookie of a session, good or
// not.
func HasSession(r *http.Request) bool {
	// Most requests have no cookie at all.
	return len(r.Header["Cookie"]) > 0 && len(r.CookiesNamed(sessionCookie)) > 0
}

// session returns whose session it is. The texts of its errors are for the log.
func (t *Tickets) session(r *http.Request) (*Identity, error) {
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 {
		return nil, errors.New("more than one session") // Nobody but a program does that.
	}
	i, c, err := t.unseal(r.Context(), "session", cookies[0].Value)
	if wrong, ok := errors.AsType[ticketError](err); ok {
		return nil, errors.New("a session that " + string(wrong))
	}
	if err != nil {
		return nil, err
	}
	// A ticket that this session makes, and a stream that it opens, ends with it.
	i.until = time.UnixMilli(c.Expires)
	return i, nil
}
