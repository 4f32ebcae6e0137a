package dialect

import (
	"net/http"
	"strings"

	"sluice/internal/httpserver"
)

func (e endpoint) doc() httpserver.Doc {
	doc := httpserver.Doc{
		ID: e.id, Summary: e.summary, Tag: "REST Proxy v2",
		Description: "A principal sees what it may read or write to. Answers are up to a second old.",
		Answers:     map[int]httpserver.Answer{},
		Refuse:      e.refuse,
	}
	if strings.HasPrefix(e.path, "/v3/") {
		doc.Tag = "REST Proxy v3"
	}
	if e.id == "getOffsets" {
		doc.Description = "A principal sees what it may read or write to. The offsets are those of now."
	}
	answers := map[int]string{
		http.StatusUnauthorized:        "There is no credential, or a wrong one (40101).",
		http.StatusForbidden:           "Kafka does not let this service ask that (40301).",
		http.StatusNotAcceptable:       "The client takes no content type that the answer can have.",
		http.StatusUnprocessableEntity: "A query parameter is not known, or the path does not name a topic.",
		http.StatusServiceUnavailable:  "Kafka does not answer, or this service is not connected to it (50302).",
	}
	topic := strings.Contains(e.path, "{topic}")
	if topic {
		doc.Path = append(doc.Path, topicParam)
		answers[http.StatusForbidden] = "This principal may neither read nor write to the topic, or Kafka does not let us (40301)."
	}
	if strings.Contains(e.path, "{partition}") {
		doc.Path = append(doc.Path, partitionParam)
	}
	if strings.Contains(e.path, "{id}") {
		doc.Path = append(doc.Path, httpserver.Param{Name: "id", Description: "The cluster's id, as the list of clusters tells it."})
	}
	if len(doc.Path) > 0 {
		answers[http.StatusNotFound] = "There is no such cluster, topic (40401) or partition (40402)."
	}
	documentREST2(&doc, http.StatusOK, "What there is.", e.answer, e.media)
	for status, description := range answers {
		documentREST2(&doc, status, description, rest2Failure{}, e.media)
	}
	return doc
}
