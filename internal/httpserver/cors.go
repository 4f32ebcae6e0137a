package httpserver

import (
	"net/http"
	"slices"
	"strings"
)

// anyOrigin is the word of http.cors for every origin.
const anyOrigin = "*"

// corsHeaders are those that any endpoint takes, beside what its Doc lists and
// what browsers always let pages send.
var corsHeaders = []string{"Authorization", "Content-Encoding", "Content-Type", "Last-Event-ID", "X-API-Key"}

// cors lets pages of the allowed origins use the endpoints and read their
// answers (the Fetch standard, CORS protocol). Without an allowed origin it is
// not there at all.
func (s *Server) cors(next http.Handler) http.Handler {
	allowed := s.opts.HTTP.CORS
	if len(allowed) == 0 {
		return next
	}
	all := slices.Contains(allowed, anyOrigin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		ok := origin != "" && (all || slices.Contains(allowed, origin))
		if ok {
			h.Set("Access-Control-Expose-Headers", "Retry-After, Sluice-Next-Cursor, Sluice-End")
			if all {
				h.Set("Access-Control-Allow-Origin", "*")
			} else {
				h.Set("Access-Control-Allow-Origin", origin)
				// What the browser keeps by itself: a password, a certificate.
				// Never with "*", where any page could use it.
				h.Set("Access-Control-Allow-Credentials", "true")
			}
		}
		asked := r.Header.Get("Access-Control-Request-Method")
		if r.Method != http.MethodOptions || origin == "" || asked == "" {
			next.ServeHTTP(w, r)
			return
		}
		methods, headers := s.takes(r)
		switch {
		case len(methods) == 0:
			next.ServeHTTP(w, r) // No such path.
		case !ok:
			foreign(w, r)
		default:
			h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
			h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
			h.Set("Access-Control-Allow-Headers", strings.Join(asksFor(r, headers), ", "))
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// takes returns the methods of the path that the request is for, and the
// headers that their endpoints take.
func (s *Server) takes(r *http.Request) (methods, headers []string) {
	headers = slices.Clone(corsHeaders)
	for method := range s.methods {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		_, pattern := s.mux.Handler(other)
		if pattern == "/" || pattern == "" {
			continue
		}
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		headers = append(headers, s.headers[pattern]...)
	}
	slices.Sort(methods)
	return methods, headers
}

// asksFor spells out the headers that a preflight may be told of. One that a
// Doc names as a family, Kafka-Header-<name> or ce-*, stands for those that
// were asked for.
func asksFor(r *http.Request, headers []string) []string {
	var told []string
	for _, name := range headers {
		if prefix, family := familyOf(name); !family {
			told = append(told, name)
		} else {
			for asked := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
				asked = strings.TrimSpace(asked)
				if len(asked) > len(prefix) && strings.EqualFold(asked[:len(prefix)], prefix) {
					told = append(told, asked)
				}
			}
		}
	}
	slices.Sort(told)
	return slices.CompactFunc(told, strings.EqualFold)
}

// familyOf returns what all headers of a family begin with.
func familyOf(name string) (prefix string, family bool) {
	if i := strings.IndexAny(name, "*<{"); i >= 0 {
		return name[:i], true
	}
	return name, false
}
