package httpserver

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/access"
)

// loopbackOnly is the key, in a connection's context, of the address of a
// listener that only this host can reach.
type loopbackOnly struct{}

func baseContext(l net.Listener) context.Context {
	if !onLoopback(l) {
		return context.Background()
	}
	return context.WithValue(context.Background(), loopbackOnly{}, l.Addr().String())
}

func onLoopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// ExtendRead sets the deadline for reading the request's body to d from now; 0
// is no deadline. Every request has 20 s at first, header and body together. A
// stream moves the deadline on with what it reads. An endpoint that may work
// for longer than that after it has read the body sets 0: on HTTP/1.1 the
// server goes on reading, to see whether the client is still there, and takes
// the deadline for its going.
func ExtendRead(w http.ResponseWriter, d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline) // A recorder in a test has none, and no connection either.
}

// guard keeps web pages from using a service behind their reader's back. A
// page of another origin may not change anything (CSRF); and on a listener
// that only this host can reach, a page whose own host name was made to point
// at 127.0.0.1 (DNS rebinding) may not even read, because it would count as
// the same origin.
func (s *Server) guard(next http.Handler) http.Handler {
	protected := s.cors(s.origins.guardWrites(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if address, local := r.Context().Value(loopbackOnly{}).(string); local && r.Host != address && !loopbackName(r.Host) {
			notDone(r, NewProblem(http.StatusForbidden, "this listener is for this host only: "+r.Host+" is not one of its names")).Write(w)
			return
		}
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		if len(s.proxies) > 0 {
			s.proxies.behind(r)
		}
		protected.ServeHTTP(w, r)
	})
}

// origins tell the pages that may use a service from those that may not. Those
// of http.cors are trusted. When that is "*", pages of every origin may, but
// only where somebody has decided who may at all: by authentication, or by
// writing auth: none out.
type origins struct {
	protection *http.CrossOriginProtection
	open       bool // to all of them
	auth       bool // somebody has to say who he is
}

func newOrigins(opts Options) *origins {
	o := &origins{protection: http.NewCrossOriginProtection(), auth: opts.Auth != nil}
	for _, origin := range opts.HTTP.CORS {
		if origin == anyOrigin {
			o.open = opts.Auth != nil || opts.AuthNone
		} else {
			_ = o.protection.AddTrustedOrigin(origin) // Validate has tried it.
		}
	}
	return o
}

// refuse reports whether a page asks that may not. What changes nothing is
// never refused.
func (o *origins) refuse(r *http.Request) bool {
	return o.protection.Check(r) != nil && (!o.open || o.auth && ambient(r))
}

// guardWrites refuses what a page of a foreign origin would change.
func (o *origins) guardWrites(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.refuse(r) {
			foreign(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guardSocket refuses a page of a foreign origin although its request changes
// nothing: browsers let every page open a WebSocket and read from it, with what
// they add by themselves. A ticket that has let it in is for its origin.
func (o *origins) guardSocket(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asWrite := r.WithContext(r.Context()) // A copy.
		asWrite.Method = http.MethodPost
		if !access.IdentityFrom(r.Context()).Ticket() && o.refuse(asWrite) {
			foreign(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ambient reports whether a browser may have added the credential by itself, as
// it does with passwords, certificates and cookies: it then says nothing about
// the page that asks.
func ambient(r *http.Request) bool {
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme != "" {
		return strings.EqualFold(scheme, "Basic")
	}
	return r.Header.Get("X-Api-Key") == "" && (access.HasSession(r) || r.TLS != nil && len(r.TLS.VerifiedChains) > 0)
}

func foreign(w http.ResponseWriter, r *http.Request) {
	notDone(r, NewProblem(http.StatusForbidden, "a page of another origin may not do this")).Write(w)
}

// notDone says in the problem that nothing was written, where the request could
// have done so.
func notDone(r *http.Request, p *Problem) *Problem {
	if unsafeMethod(r.Method) {
		p.Written = "no"
	}
	return p
}

// unsafeMethod reports whether a method may change something.
func unsafeMethod(method string) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, method)
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
