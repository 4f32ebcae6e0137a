package httpserver

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// loopbackOnly marks, in a connection's context, a listener that only this
// host can reach.
type loopbackOnly struct{}

func baseContext(l net.Listener) context.Context {
	return context.WithValue(context.Background(), loopbackOnly{}, onLoopback(l))
}

func onLoopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// guard keeps web pages from using a service behind their reader's back. A
// page of another origin may not change anything (CSRF); and on a listener
// that only this host can reach, a page whose own host name was made to point
// at 127.0.0.1 (DNS rebinding) may not even read, because it would count as
// the same origin.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		NewProblem(http.StatusForbidden, "a page of another origin may not do this").Write(w)
	}))
	protected := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local, ok := r.Context().Value(loopbackOnly{}).(bool); ok && local && !loopbackName(r.Host) {
			NewProblem(http.StatusForbidden, "this listener is for this host only: "+r.Host+" is not one of its names").Write(w)
			return
		}
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		protected.ServeHTTP(w, r)
	})
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
