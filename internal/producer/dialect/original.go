package dialect

import (
	"bytes"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Original is the endpoint of the system that Sluice grew out of: POST
// /produce with {"content": "…"}, answered with {"status":"message sent", …}.
type Original struct{ writer *producer.Writer }

// NewOriginal makes the endpoint's handler.
func NewOriginal(w *producer.Writer) *Original { return &Original{writer: w} }

// produceRequest is the body, for the schema.
type produceRequest struct {
	Content   string            `json:"content" doc:"The record's value, as UTF-8."`
	Topic     string            `json:"topic,omitempty" pattern:"^[A-Za-z0-9._-]{1,249}$" doc:"The topic; the configured one by default."`
	Key       string            `json:"key,omitempty" doc:"The record's key, as UTF-8; null by default."`
	Partition int32             `json:"partition,omitempty" minimum:"0" doc:"The partition; chosen by the key by default."`
	Timestamp *timeOrMillis     `json:"timestamp,omitempty" doc:"RFC 3339 as a string, or Unix milliseconds as a number; between 1970 and 2262-04-11. Now by default."`
	Headers   map[string]string `json:"headers,omitempty" doc:"The record's headers."`
}

// produceAnswer is the answer, for the schema.
type produceAnswer struct {
	Status    string  `json:"status" enum:"message sent"`
	Content   string  `json:"content" doc:"The content of the request."`
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Timestamp *string `json:"timestamp" format:"date-time" doc:"The record's timestamp; null where the topic's brokers stamp records themselves."`
}

// Register adds the endpoint to service A.
func (o *Original) Register(s *httpserver.Server) {
	doc := httpserver.Doc{
		ID: "produce", Summary: "Write one text record", Tag: "produce",
		Description: "Answers 200 only when Kafka has acknowledged the record with acks=all. Every error says in `written` what is known of the record.",
		Body:        produceRequest{},
		BodyExample: map[string]string{"content": "Hello, Kafka"},
		Answers:     map[int]httpserver.Answer{},
	}
	documentAnswers(&doc, produceAnswer{})
	s.Handle(http.MethodPost, "/produce", o, doc)
}

// ServeHTTP writes one record.
func (o *Original) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, p := newCall(o.writer, w, r)
	if p == nil {
		p = o.precheck(r)
	}
	if p != nil {
		c.refuse(p)
		return
	}
	b, p := c.admit()
	if p != nil {
		c.refuse(p)
		return
	}
	defer b.Release()
	content, p := decode(b)
	if p != nil {
		p.Write(w)
		return
	}
	if b.Topic == "" {
		b.Topic = o.writer.Config().Topic
	}
	place, err := c.writeOne(b)
	if err != nil {
		problem(err).Write(w)
		return
	}
	c.json(appendAnswer(make([]byte, 0, len(content)+192), content, b.Topic, place))
}

// precheck refuses what can be refused before the body is read.
func (o *Original) precheck(r *http.Request) *httpserver.Problem {
	if media, err := mediaType(r); err != nil || media != "" && media != "application/json" {
		return refusal(http.StatusUnsupportedMediaType, "the content type must be application/json")
	}
	var fields []httpserver.FieldError
	if r.URL.RawQuery != "" {
		for name := range r.URL.Query() {
			fields = append(fields, httpserver.FieldError{Location: "query." + name, Message: "unknown parameter"})
		}
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Kafka-") {
			fields = append(fields, httpserver.FieldError{Location: "header." + name, Message: "is a member of the body here"})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Location < fields[j].Location })
	return refusal(http.StatusUnprocessableEntity, "this endpoint takes no parameters, and no headers of records", fields...)
}

// The shape of nearly every request, which is read without a parser.
var (
	plainStart = []byte(`{"content":"`)
	plainEnd   = []byte(`"}`)
)

// decode fills the batch with the record of its buffer, and returns the content
// as a JSON string. What it hands out points into the buffer.
func decode(b *producer.Batch) (content []byte, p *httpserver.Problem) {
	r := b.Add()
	body := b.Buffer
	if bytes.HasPrefix(body, plainStart) && bytes.HasSuffix(body, plainEnd) && len(body) >= len(plainStart)+len(plainEnd) {
		if text := body[len(plainStart) : len(body)-len(plainEnd)]; plain(text) {
			r.Value = text
			return body[len(plainStart)-1 : len(body)-1], nil
		}
	}
	return decodeObject(b, r)
}

// plain reports whether text is valid inside a JSON string as it is.
func plain(text []byte) bool {
	ascii := true
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.Valid(text)
}

// appendAnswer writes the answer to a written record.
func appendAnswer(dst, content []byte, topic string, place producer.Place) []byte {
	dst = append(dst, `{"status":"message sent","content":`...)
	dst = append(dst, content...)
	dst = append(dst, ',')
	dst = appendPlace(dst, topic, place)
	return append(dst, '}')
}

// appendPlace writes where a record is, as members of an object.
func appendPlace(dst []byte, topic string, place producer.Place) []byte {
	dst = append(dst, `"topic":"`...)
	dst = append(dst, topic...) // A legal name needs no escape.
	dst = append(dst, `","partition":`...)
	dst = strconv.AppendInt(dst, int64(place.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, place.Offset, 10)
	dst = append(dst, `,"timestamp":`...)
	return appendTimestamp(dst, place.Timestamp)
}

// appendTimestamp writes a record's timestamp as JSON: null where the topic's
// brokers stamp records, and do not tell.
func appendTimestamp(dst []byte, at time.Time) []byte {
	if at.IsZero() {
		return append(dst, `null`...)
	}
	dst = append(dst, '"')
	// The package has a short way for this layout, and none for one with
	// milliseconds.
	dst = at.UTC().Truncate(time.Second).AppendFormat(dst, time.RFC3339)
	dst[len(dst)-1] = '.' // Instead of the Z.
	// Counted from a thousand, so that zeros in front are written.
	dst = strconv.AppendInt(dst, 1000+int64(at.Nanosecond())/int64(time.Millisecond), 10)
	dst = append(dst[:len(dst)-4], dst[len(dst)-3:]...)
	return append(dst, `Z"`...)
}

// decodeObject reads a body of any shape, strictly: duplicate names, invalid
// UTF-8 and lone surrogates are malformed, since what Kafka got would not be
// what was sent.
func decodeObject(b *producer.Batch, r *kgo.Record) (content []byte, p *httpserver.Problem) {
	body := b.Buffer
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, missing()
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if dec.PeekKind() != '{' {
		if !jsontext.Value(body).IsValid() {
			return nil, refusal(http.StatusBadRequest, "the body is not valid JSON")
		}
		return nil, refusal(http.StatusUnprocessableEntity, "the body must be a JSON object with a content", httpserver.FieldError{Location: "body", Message: "must be an object"})
	}
	f := fields{batch: b, record: r}
	if err := f.read(dec); err != nil {
		return nil, notJSON(err)
	}
	if f.busy != nil {
		return nil, problem(f.busy)
	}
	if f.content == nil {
		f.wrong("content", "is missing")
	}
	if len(f.errors) > 0 {
		return nil, refusal(http.StatusUnprocessableEntity, "the body has a field that is missing, unknown or wrong", f.errors...)
	}
	return f.content, nil
}

func notJSON(err error) *httpserver.Problem {
	return refusal(http.StatusBadRequest, "the body is not valid JSON: "+strings.TrimPrefix(err.Error(), "jsontext: "))
}

func missing() *httpserver.Problem {
	return refusal(http.StatusUnprocessableEntity, "the body is empty", httpserver.FieldError{Location: "body.content", Message: "is missing"})
}

// maxTimestamp is 2262-04-11T23:47:16.854Z, the last time that nanoseconds
// since 1970 can express.
const maxTimestamp = 9_223_372_036_854

func timestamp(ms int64) (time.Time, bool) {
	return time.UnixMilli(ms), ms >= 0 && ms <= maxTimestamp
}
