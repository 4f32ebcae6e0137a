package dialect

import (
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// REST3 is version 3 of the REST Proxy's dialect for writing: records streamed
// for as long as the client likes, and small batches. The cluster in the path
// is taken whatever it is and given back in the answers: clients configure it,
// and it protects nothing.
type REST3 struct {
	writer *producer.Writer
	// entries is how many records a batch may have.
	entries int
}

// NewREST3 makes the handlers of both endpoints.
func NewREST3(w *producer.Writer) *REST3 {
	return &REST3{writer: w, entries: w.Config().Limits.Entries}
}

// Register adds both endpoints to service A.
func (d *REST3) Register(s *httpserver.Server) {
	const records = "/v3/clusters/{cluster}/topics/{topic}/records"
	s.Handle(http.MethodPost, records, http.HandlerFunc(d.Stream), d.streamDoc())
	s.Handle(http.MethodPost, records+":batch", http.HandlerFunc(d.Batch), d.batchDoc())
}

// Refuse answers a request that is refused before it gets to the dialect.
func (d *REST3) Refuse(w http.ResponseWriter, _ *http.Request, p *httpserver.Problem) {
	writeRest3Problem(w, p)
}

// begin makes the call of a request, or refuses it for what concerns all of
// its records, before any of them is read.
func (d *REST3) begin(w http.ResponseWriter, r *http.Request) (*call, string, bool) {
	topic := r.PathValue("topic")
	c, p := newCall(d.writer, w, r)
	if p == nil && !producer.ValidTopic(topic) {
		p = badTopic()
	}
	if p == nil {
		p = rest3Precheck(r)
	}
	if p == nil {
		if err := c.may(topic); err != nil {
			p = problem(err)
		}
	}
	if p != nil {
		refuseRest3(c, p)
		return nil, "", false
	}
	return c, topic, true
}

// rest3Precheck refuses what the dialect does not have: other content types,
// parameters of the query, and the headers by which other endpoints are told of
// a record.
func rest3Precheck(r *http.Request) *httpserver.Problem {
	if media, err := mediaType(r); err != nil || media != "" && media != "application/json" {
		return refusal(http.StatusUnsupportedMediaType, "the content type must be application/json")
	}
	if r.URL.RawQuery != "" {
		return refusal(http.StatusUnprocessableEntity, "this endpoint takes no parameters")
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Kafka-") {
			return refusal(http.StatusUnprocessableEntity, "this endpoint does not take the header "+name)
		}
	}
	return nil
}

// refuseRest3 answers a request of which nothing was handed over, and reads
// what is left of its body.
func refuseRest3(c *call, p *httpserver.Problem) {
	c.unread(func() { writeRest3Problem(c.answer, p) })
}

// writeRest3Problem writes a problem in the words of the dialect.
func writeRest3Problem(w http.ResponseWriter, p *httpserver.Problem) {
	code := p.Status
	switch p.Status {
	case http.StatusUnauthorized:
		code = rest3Unauthorized
	case http.StatusForbidden:
		code = rest3Forbidden
	case http.StatusServiceUnavailable:
		code = rest3NotWritten
	}
	writeRest3Fault(w, p.Status, &rest3Fault{code, p.Detail}, p.RetryAfter)
}

// writeRest3Fault answers with a status and the error body of the dialect.
func writeRest3Fault(w http.ResponseWriter, status int, f *rest3Fault, retryAfter int) {
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	writeRest3(w, status, f.append(nil))
}

// writeRest3 answers with a status and a body that is JSON.
func writeRest3(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // G705: it is JSON, and says so. A client that has gone is told nothing.
}
