package dialect

import (
	"net/http"
	"strconv"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// Partition is the endpoint POST /topics/{topic}/partitions/{partition} of the
// REST Proxy's dialect: the path names the partition of the records that do
// not name one themselves.
type Partition struct{ writer *producer.Writer }

// NewPartition makes the endpoint's handler.
func NewPartition(w *producer.Writer) *Partition { return &Partition{writer: w} }

// Register adds the endpoint to service A.
func (p *Partition) Register(s *httpserver.Server) {
	doc := httpserver.Doc{
		ID: "writeToPartition", Summary: "Write records to a partition, in the REST Proxy's dialect", Tag: "REST Proxy v2",
		Description: "A record's own `partition` beats the path's, which must exist in any case. " + rest2Description,
		Answers:     map[int]httpserver.Answer{},
		Bodies:      map[string]any{},
		Path:        []httpserver.Param{topicParam, partitionParam},
		Refuse:      p.refuse,
	}
	documentTimeout(&doc)
	rest2{}.describe(&doc)
	s.Handle(http.MethodPost, "/topics/{topic}/partitions/{partition}", p, doc)
}

var partitionParam = httpserver.Param{Name: "partition", Type: "integer", Description: "The partition's number, from 0."}

func documentTimeout(doc *httpserver.Doc) {
	doc.Query = append(doc.Query, httpserver.Param{Name: "timeout", Description: "Shortens the deadline of the request, such as 2s."})
}

// ServeHTTP writes the records of the request.
func (p *Partition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, problem := newCall(p.writer, w, r)
	topic := r.PathValue("topic")
	if problem == nil && !producer.ValidTopic(topic) {
		problem = badTopic()
	}
	if problem != nil {
		rest2{}.refuse(c, problem)
		return
	}
	number, valid := parsePartition(r.PathValue("partition"))
	c.serveREST2(topic, number, func() *rest2Error {
		if err := p.writer.CheckPartition(r.Context(), topic, number); err != nil {
			return rest2Refused(err)
		}
		if !valid {
			return &rest2Error{status: http.StatusNotFound, code: rest2NoPartition, message: "the path does not name a partition of topic " + topic}
		}
		return nil
	})
}

// refuse answers a request that the server refuses before it gets here.
func (p *Partition) refuse(w http.ResponseWriter, r *http.Request, problem *httpserver.Problem) {
	rest2{}.refuse(&call{writer: p.writer, answer: w, request: r}, problem)
}

// parsePartition reads a partition's number in a path. What is none is no
// partition of any topic.
func parsePartition(text string) (int32, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return producer.AnyPartition, false
	}
	return int32(n), true
}
