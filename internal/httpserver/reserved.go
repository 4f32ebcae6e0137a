package httpserver

import (
	"slices"
	"strings"
)

// common are the endpoints that a server has beside those of its service: what
// Listen adds.
var common = []string{"/healthz", "/readyz", "/metrics", "/openapi.json", "/openapi.yaml", "/docs", "/redoc"}

// Reserved reports whether the first segment of a path is that of an endpoint
// which was added, or of one that Listen adds. A subtree of somebody else's at
// such a path would take what is meant for the endpoint, or be cut in two by it.
func (s *Server) Reserved(path string) bool {
	first := firstSegment(path)
	for _, own := range slices.Concat(s.paths, common) {
		if firstSegment(own) == first {
			return true
		}
	}
	return false
}

func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}
