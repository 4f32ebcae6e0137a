package dialect

import (
	"net/http"
	"strings"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// rest2 is version 2 of the REST Proxy's dialect, for its clients and those of
// the bridge that speaks it, too: a request whose content type begins with
// application/vnd.kafka carries a batch of records, and is answered with where
// each of them is, or why it is not there.
type rest2 struct{}

// rest2Format is how keys and values stand in the JSON of a request.
type rest2Format int

const (
	rest2JSON   rest2Format = iota + 1 // as JSON, whose bytes are kept as they came
	rest2Binary                        // as base64
	rest2Text                          // as a string
	rest2Schema                        // as what needs a schema registry
)

// rest2Formats are the content types that say so.
var rest2Formats = map[string]rest2Format{
	"application/vnd.kafka.json.v2+json":       rest2JSON,
	"application/vnd.kafka.binary.v2+json":     rest2Binary,
	"application/vnd.kafka.v2+json":            rest2Binary,
	"application/vnd.kafka+json":               rest2Binary,
	"application/vnd.kafka.text.v2+json":       rest2Text,
	"application/vnd.kafka.avro.v2+json":       rest2Schema,
	"application/vnd.kafka.protobuf.v2+json":   rest2Schema,
	"application/vnd.kafka.jsonschema.v2+json": rest2Schema,
}

// rest2Media are the content types of answers, the preferred one first.
var rest2Media = []string{"application/vnd.kafka.v2+json", "application/vnd.kafka+json", "application/json"}

// claims reads the content type itself: one of this dialect whose parameters
// are malformed is of this dialect all the same, and must not become the value
// of a record.
func (rest2) claims(r *http.Request, _ string) bool {
	media := rest2ContentType(r)
	return strings.HasPrefix(media, "application/vnd.kafka.") || media == "application/vnd.kafka+json"
}

// rest2ContentType is the content type without its parameters, which are
// ignored: JSON is UTF-8.
func rest2ContentType(r *http.Request) string {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

func (rest2) refuse(c *call, p *httpserver.Problem) { c.refuseREST2(rest2Problem(p)) }

func (rest2) serve(c *call, topic string) {
	c.serveREST2(topic, producer.AnyPartition, nil)
}

// serveREST2 writes the records of a request. A partition is of those records
// that name none; check, where there is one, has the last word before they are
// written.
func (c *call) serveREST2(topic string, partition int32, check func() *rest2Error) {
	format, refused := c.precheckREST2(topic)
	if refused != nil {
		c.refuseREST2(refused)
		return
	}
	b, p := c.admit()
	if p != nil {
		c.refuseREST2(rest2Problem(p))
		return
	}
	defer b.Release()
	b.Topic = topic
	body := newREST2Body(b, format, partition, int64(c.writer.Config().Limits.InFlight))
	refused = body.decode()
	if refused == nil && check != nil {
		refused = check()
	}
	if refused != nil {
		c.writeREST2(refused)
		return
	}
	err := c.write(b)
	if err == nil {
		refused = rest2Whole(b)
	} else if refused = rest2Refused(err); refused == nil {
		// Kafka takes none of them, for good: the answer says so of each.
		for i := range b.Len() {
			b.Fail(i, err)
		}
	}
	if refused != nil {
		c.writeREST2(refused)
		return
	}
	c.answerREST2(b)
}

// precheckREST2 refuses what can be refused before the body is read. A
// principal that may not write to the topic learns nothing else.
func (c *call) precheckREST2(topic string) (rest2Format, *rest2Error) {
	format := rest2Formats[rest2ContentType(c.request)]
	if format == 0 {
		return 0, rest2Wrong(http.StatusUnsupportedMediaType,
			"the content type must be application/vnd.kafka.json.v2+json, or that of binary or text")
	}
	if _, ok := negotiate(c.request.Header["Accept"], rest2Media); !ok {
		return 0, rest2Wrong(http.StatusNotAcceptable, "the answer can be "+strings.Join(rest2Media, ", "))
	}
	p := newParams(c)
	for _, h := range p.headers {
		p.wrong("header."+headerPrefix+h.Key, "unknown header: a record's headers are in the body")
	}
	if p := p.problem(); p != nil {
		return 0, rest2Problem(p)
	}
	if err := c.may(topic); err != nil {
		return 0, rest2Refused(err)
	}
	return format, nil
}
