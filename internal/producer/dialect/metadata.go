package dialect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Metadata are the endpoints of the REST Proxy's dialects that tell what there
// is: clusters, brokers, topics, partitions and offsets. A principal sees the
// topics that it may read or write, and topics that belong to Kafka itself are
// in no list.
type Metadata struct {
	writer  *producer.Writer
	cluster recent[*kafka.ClusterDescription]
	topics  recent[[]*kafka.TopicDescription]
	topic   recent[*kafka.TopicDescription]
	offsets recent[rest2Offsets]
}

// NewMetadata makes the endpoints' handlers.
func NewMetadata(w *producer.Writer) *Metadata {
	m := &Metadata{writer: w}
	m.cluster.keep, m.topics.keep, m.topic.keep = metadataMemory, metadataMemory, metadataMemory
	return m
}

// query is one request for metadata. Its methods return what it is answered.
type query struct {
	*Metadata
	request *http.Request
}

// endpoint is one path, in one of the two dialects.
type endpoint struct {
	id, path, summary string
	media             []string // of the answer, the preferred one first
	serve             func(query) (any, *rest2Error)
	answer            any // of the type that serve returns, for the schema
}

var v3Media = []string{"application/json"}

// Register adds the endpoints to service A.
func (m *Metadata) Register(s *httpserver.Server) {
	for _, e := range append(rest2Metadata(), v3Metadata()...) {
		s.Handle(http.MethodGet, e.path, m.handler(e), e.doc())
	}
}

func (m *Metadata) handler(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, ok := negotiate(r.Header["Accept"], e.media)
		if !ok {
			rest2Wrong(http.StatusNotAcceptable, "the answer can be "+strings.Join(e.media, ", ")).write(w, e.media[0])
			return
		}
		answer, refused := e.answerTo(query{m, r})
		if refused != nil {
			refused.write(w, media)
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			// Strings, numbers and lists of them always marshal.
			rest2Wrong(http.StatusInternalServerError, "the answer cannot be written").write(w, media)
			return
		}
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // A client that has gone is told nothing.
	})
}

func (e endpoint) answerTo(q query) (any, *rest2Error) {
	if q.request.URL.RawQuery != "" {
		return nil, rest2Wrong(http.StatusUnprocessableEntity, "this endpoint takes no query parameters")
	}
	return e.serve(q)
}

// refuse answers a request that the server refuses before it gets here.
func (e endpoint) refuse(w http.ResponseWriter, r *http.Request, p *httpserver.Problem) {
	media, ok := negotiate(r.Header["Accept"], e.media)
	if !ok {
		media = e.media[0]
	}
	rest2Problem(p).write(w, media)
}

func (q query) ctx() context.Context { return q.request.Context() }

// mayKnow refuses a topic that the principal may neither read nor write to,
// before the question whether it exists.
func (q query) mayKnow(topic string) *rest2Error {
	if !producer.ValidTopic(topic) {
		return rest2Problem(badTopic())
	}
	if !q.sees(topic) {
		return &rest2Error{status: http.StatusForbidden, code: rest2Forbidden, message: "this principal may neither read nor write to topic " + topic}
	}
	return nil
}

func (q query) sees(topic string) bool {
	principal := access.From(q.ctx())
	return principal.May(access.Read, topic) || principal.May(access.Write, topic)
}

// knownCluster returns what Kafka says of itself.
func (q query) knownCluster() (*kafka.ClusterDescription, *rest2Error) {
	return ask(q, &q.cluster, "", (*kafka.Control).DescribeCluster)
}

// visibleTopics returns the topics of a list.
func (q query) visibleTopics() ([]*kafka.TopicDescription, *rest2Error) {
	all, refused := ask(q, &q.topics, "", (*kafka.Control).DescribeTopics)
	if refused != nil {
		return nil, refused
	}
	visible := make([]*kafka.TopicDescription, 0, len(all))
	for _, topic := range all {
		if !topic.Internal && q.sees(topic.Name) {
			visible = append(visible, topic)
		}
	}
	return visible, nil
}

// namedTopic returns the topic that the path names.
func (q query) namedTopic() (*kafka.TopicDescription, *rest2Error) {
	name := q.request.PathValue("topic")
	if refused := q.mayKnow(name); refused != nil {
		return nil, refused
	}
	return ask(q, &q.topic, name, func(c *kafka.Control, ctx context.Context) (*kafka.TopicDescription, error) {
		return c.DescribeTopic(ctx, name)
	})
}

// namedPartition returns the partition that the path names.
func (q query) namedPartition() (*kafka.TopicDescription, kafka.PartitionDescription, *rest2Error) {
	topic, refused := q.namedTopic()
	if refused != nil {
		return nil, kafka.PartitionDescription{}, refused
	}
	if number, ok := parsePartition(q.request.PathValue("partition")); ok {
		for _, p := range topic.Partitions {
			if p.ID == number {
				return topic, p, nil
			}
		}
	}
	return nil, kafka.PartitionDescription{}, &rest2Error{
		status: http.StatusNotFound, code: rest2NoPartition,
		message: fmt.Sprintf("topic %s has no such partition, only 0 to %d", topic.Name, len(topic.Partitions)-1),
	}
}

// ask returns what is known, or what Kafka answers.
func ask[T any](q query, known *recent[T], key string, question func(*kafka.Control, context.Context) (T, error)) (T, *rest2Error) {
	var none T
	control, refusal := q.writer.Control()
	if refusal != nil {
		return none, rest2Refused(refusal)
	}
	answer, err := known.get(q.ctx(), key, func(ctx context.Context) (T, error) { return question(control, ctx) })
	switch {
	case err == nil:
		return answer, nil
	case errors.Is(err, kafka.ErrUnknownTopic):
		return none, &rest2Error{status: http.StatusNotFound, code: rest2NoTopic, message: "topic " + q.request.PathValue("topic") + " does not exist"}
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return none, &rest2Error{status: http.StatusForbidden, code: rest2Forbidden, message: "Kafka does not let this service ask that"}
	}
	return none, &rest2Error{status: http.StatusServiceUnavailable, code: rest2Unavailable, message: "Kafka is not available", retryAfter: 1}
}
