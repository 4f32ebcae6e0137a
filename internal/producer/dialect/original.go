package dialect

import (
	"bytes"
	"mime"
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
	Timestamp any               `json:"timestamp,omitempty" doc:"RFC 3339 as a string, or Unix milliseconds as a number; between 1970 and 2262-04-11. Now by default."`
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
	problems := map[int]string{
		http.StatusBadRequest:            "The body is not JSON, not UTF-8, or was cut off.",
		http.StatusForbidden:             "Kafka does not let us write to the topic, or a page of another origin asked.",
		http.StatusNotFound:              "The topic or the partition does not exist.",
		http.StatusRequestEntityTooLarge: "The body or the record is over its limit.",
		http.StatusUnsupportedMediaType:  "The content type or encoding is not JSON.",
		http.StatusUnprocessableEntity:   "A field is missing, unknown or wrong; every one is listed.",
		http.StatusBadGateway:            "Kafka refused the record for good.",
		http.StatusServiceUnavailable:    "Nothing was handed to Kafka; safe to send again after Retry-After.",
		http.StatusGatewayTimeout:        "Kafka did not answer in time; the record may have been written, or may be later.",
	}
	answers := map[int]httpserver.Answer{http.StatusOK: {Description: "Kafka has the record.", Body: produceAnswer{}}}
	for code, description := range problems {
		answers[code] = httpserver.Answer{Description: description, Problem: true}
	}
	answers[http.StatusServiceUnavailable] = httpserver.Answer{
		Description: problems[http.StatusServiceUnavailable], Problem: true,
		Headers: map[string]string{"Retry-After": "Seconds to wait."},
	}
	s.Handle(http.MethodPost, "/produce", o, httpserver.Doc{
		ID: "produce", Summary: "Write one text record", Tag: "produce",
		Description: "Answers 200 only when Kafka has acknowledged the record with acks=all. Every error says in `written` what is known of the record.",
		Body:        produceRequest{},
		BodyExample: map[string]string{"content": "Hello, Kafka"},
		Answers:     answers,
	})
}

// ServeHTTP writes one record.
func (o *Original) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := o.precheck(r); p != nil {
		refuse(w, r, p)
		return
	}
	config := o.writer.Config()
	e, p := admit(o.writer, r, config.Limits.Body)
	if p != nil {
		refuse(w, r, p)
		return
	}
	defer e.Release()
	content, p := decode(e.Buffer, &e.Record, e.Grow)
	if p != nil {
		p.Write(w)
		return
	}
	if e.Record.Topic == "" {
		e.Record.Topic = config.Topic
	}
	if err := o.writer.Write(r.Context(), e); err != nil {
		problem(err).Write(w)
		return
	}
	answer := appendAnswer(make([]byte, 0, len(content)+192), content, e)
	h := w.Header()
	h["Content-Type"] = jsonType
	h.Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer) // A client that has gone is told nothing.
}

var jsonType = []string{"application/json"}

// precheck refuses what can be refused before the body is read.
func (o *Original) precheck(r *http.Request) *httpserver.Problem {
	if t := r.Header.Get("Content-Type"); t != "" && t != "application/json" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != "application/json" {
			return refusal(http.StatusUnsupportedMediaType, "the content type must be application/json")
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refusal(http.StatusUnsupportedMediaType, "the content encoding "+strconv.Quote(encoding)+" is not taken")
	}
	if r.Header.Get("Idempotency-Key") != "" {
		return refusal(http.StatusBadRequest, "idempotency keys are not supported: a repeat could write the record twice")
	}
	if r.URL.RawQuery != "" {
		var fields []httpserver.FieldError
		for name := range r.URL.Query() {
			fields = append(fields, httpserver.FieldError{Location: "query." + name, Message: "unknown parameter"})
		}
		sort.Slice(fields, func(i, j int) bool { return fields[i].Location < fields[j].Location })
		return refusal(http.StatusUnprocessableEntity, "this endpoint takes no parameters", fields...)
	}
	return nil
}

// The shape of nearly every request, which is read without a parser.
var (
	plainStart = []byte(`{"content":"`)
	plainEnd   = []byte(`"}`)
)

// room takes room for more bytes, or refuses.
type room func(int64) *producer.Error

// decode fills the record from the body, and returns the content as a JSON
// string. What it hands out points into the body.
func decode(body []byte, r *kgo.Record, grow room) (content []byte, p *httpserver.Problem) {
	if bytes.HasPrefix(body, plainStart) && bytes.HasSuffix(body, plainEnd) && len(body) >= len(plainStart)+len(plainEnd) {
		if text := body[len(plainStart) : len(body)-len(plainEnd)]; plain(text) {
			r.Value = text
			return body[len(plainStart)-1 : len(body)-1], nil
		}
	}
	return decodeObject(body, r, grow)
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
func appendAnswer(dst, content []byte, e *producer.Entry) []byte {
	dst = append(dst, `{"status":"message sent","content":`...)
	dst = append(dst, content...)
	dst = append(dst, `,"topic":"`...)
	dst = append(dst, e.Record.Topic...) // A legal name needs no escape.
	dst = append(dst, `","partition":`...)
	dst = strconv.AppendInt(dst, int64(e.Record.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, e.Record.Offset, 10)
	if e.Record.Timestamp.IsZero() {
		// The topic's brokers stamp records, and do not tell.
		return append(dst, `,"timestamp":null}`...)
	}
	dst = append(dst, `,"timestamp":"`...)
	dst = e.Record.Timestamp.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
	return append(dst, `"}`...)
}

// decodeObject reads a body of any shape, strictly: duplicate names, invalid
// UTF-8 and lone surrogates are malformed, since what Kafka got would not be
// what was sent.
func decodeObject(body []byte, r *kgo.Record, grow room) (content []byte, p *httpserver.Problem) {
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
	f := fields{record: r, grow: grow}
	if err := f.read(dec); err != nil {
		return nil, refusal(http.StatusBadRequest, "the body is not valid JSON: "+strings.TrimPrefix(err.Error(), "jsontext: "))
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

func missing() *httpserver.Problem {
	return refusal(http.StatusUnprocessableEntity, "the body is empty", httpserver.FieldError{Location: "body.content", Message: "is missing"})
}

// maxTimestamp is 2262-04-11T23:47:16.854Z, the last time that nanoseconds
// since 1970 can express.
const maxTimestamp = 9_223_372_036_854

func timestamp(ms int64) (time.Time, bool) {
	return time.UnixMilli(ms), ms >= 0 && ms <= maxTimestamp
}
