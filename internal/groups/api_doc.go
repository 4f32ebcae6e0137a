package groups

import (
	"maps"
	"net/http"

	"sluice/internal/httpserver"
)

// Register adds the endpoints to service B.
func (a *API) Register(s *httpserver.Server) {
	refusals := map[int]httpserver.Answer{
		http.StatusUnprocessableEntity: {Description: "A query parameter is not known, or the path names no group.", Problem: true},
		http.StatusServiceUnavailable: {
			Description: "Kafka does not answer.", Problem: true,
			Headers: map[string]string{"Retry-After": "Seconds to wait."},
		},
	}
	list := maps.Clone(refusals)
	list[http.StatusOK] = httpserver.Answer{Description: "The groups whose topics the principal may read.", Body: Groups{}}
	s.Handle(http.MethodGet, "/groups", http.HandlerFunc(a.list), httpserver.Doc{
		ID: "listGroups", Summary: "The groups of this program's handlers", Tag: "groups",
		Description: "State and lag are those of the whole group, the same on every replica, and up to a second old.",
		Answers:     list,
	})
	detail := maps.Clone(refusals)
	detail[http.StatusOK] = httpserver.Answer{Description: "The group.", Body: Detail{}}
	detail[http.StatusForbidden] = httpserver.Answer{
		Description: "This principal may not read all topics of the group, or Kafka does not let this service ask.", Problem: true,
	}
	detail[http.StatusNotFound] = httpserver.Answer{Description: "Kafka knows no such group.", Problem: true}
	s.Handle(http.MethodGet, "/groups/{group}", http.HandlerFunc(a.detail), httpserver.Doc{
		ID: "getGroup", Summary: "Lag, members and assignment of a group", Tag: "groups",
		Description: "Any consumer group of the cluster, whatever program it is of. What Kafka says is up to a second old; this_replica is of now.",
		Path:        []httpserver.Param{{Name: "group", Description: "The group's name (group.id)."}},
		Answers:     detail,
	})
}
