package dialect

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// CloudEvents 1.0 come in the two modes of its HTTP protocol binding, and are
// written in the binary mode of its Kafka protocol binding: attributes become
// record headers that begin with "ce_", partitionkey is the record's key, too,
// and data is the value.

// binaryEvent takes an event whose attributes are request headers: ce-id and
// so on, with the data as the body.
type binaryEvent struct{}

func (binaryEvent) claims(r *http.Request, _ string) bool {
	return r.Header.Get("Ce-Specversion") != ""
}

func (binaryEvent) refuse(c *call, p *httpserver.Problem) { c.refuse(p) }

func (f binaryEvent) serve(c *call, topic string) {
	e := newEvent(c)
	for name, values := range c.request.Header {
		attribute, ok := strings.CutPrefix(name, "Ce-")
		if !ok {
			continue
		}
		attribute = strings.ToLower(attribute)
		text, err := url.PathUnescape(values[0])
		switch {
		case len(values) > 1:
			e.params.wrong("header."+name, "is given more than once")
		case attribute == "datacontenttype":
			e.params.wrong("header."+name, "is the request's Content-Type")
		case err != nil || !utf8.ValidString(text):
			e.params.wrong("header."+name, "is not percent-encoded UTF-8")
		default:
			e.set("header."+name, attribute, text)
		}
	}
	e.contentType = c.request.Header.Get("Content-Type")
	e.check("header.ce-")
	if problem := e.params.problem(); problem != nil {
		f.refuse(c, problem)
		return
	}
	b, p := c.admit()
	if p != nil {
		f.refuse(c, p)
		return
	}
	defer b.Release()
	b.Topic = topic
	e.fill(b.Add(), b.Buffer)
	c.answerPlace(b)
}

func (binaryEvent) describe(doc *httpserver.Doc) {
	doc.Headers = append(doc.Headers, httpserver.Param{Name: "ce-*", Description: "CloudEvents in binary mode: an attribute; ce-id, ce-source, ce-specversion and ce-type are needed."})
}

// structuredEvent takes an event that is one JSON object, data included.
type structuredEvent struct{}

func (structuredEvent) claims(_ *http.Request, media string) bool {
	return strings.HasPrefix(media, "application/cloudevents")
}

func (structuredEvent) refuse(c *call, p *httpserver.Problem) { c.refuse(p) }

func (f structuredEvent) serve(c *call, topic string) {
	if media, _ := mediaType(c.request); media != "application/cloudevents+json" {
		f.refuse(c, refusal(http.StatusUnsupportedMediaType, "of CloudEvents, application/cloudevents+json and the binary mode are taken"))
		return
	}
	e := newEvent(c)
	if problem := e.params.problem(); problem != nil {
		f.refuse(c, problem)
		return
	}
	b, p := c.admit()
	if p != nil {
		f.refuse(c, p)
		return
	}
	defer b.Release()
	b.Topic = topic
	if kind := jsontext.Value(b.Buffer).Kind(); kind != '{' && jsontext.Value(b.Buffer).IsValid() {
		refusal(http.StatusUnprocessableEntity, "the body must be a JSON object", httpserver.FieldError{Location: "body", Message: "must be an object"}).Write(c.answer)
		return
	}
	value, err := e.read(b)
	switch {
	case err != nil:
		notJSON(err).Write(c.answer)
		return
	case e.busy != nil:
		problem(e.busy).Write(c.answer)
		return
	}
	e.check("body.")
	if problem := e.params.problem(); problem != nil {
		problem.Write(c.answer)
		return
	}
	e.fill(b.Add(), value)
	c.answerPlace(b)
}

func (structuredEvent) describe(doc *httpserver.Doc) {
	doc.Bodies["application/cloudevents+json"] = cloudEvent{}
}

// event is a CloudEvent on its way to a record.
type event struct {
	params      *params
	attributes  []kgo.RecordHeader // with "ce_" before their names
	contentType string
	busy        *producer.Error
}

func newEvent(c *call) *event {
	e := &event{params: newParams(c, recordParams...)}
	for _, h := range e.params.headers {
		if strings.HasPrefix(h.Key, "ce_") || h.Key == "content-type" {
			e.params.wrong("header."+headerPrefix+h.Key, "is written from the event")
		}
	}
	return e
}

// set takes an attribute, in its string form.
func (e *event) set(location, name, value string) {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		e.params.wrong(location, "is not the name of an attribute: a-z and 0-9")
		return
	}
	e.attributes = append(e.attributes, kgo.RecordHeader{Key: "ce_" + name, Value: []byte(value)})
	var wrong string
	switch name {
	case "specversion":
		if value != "1.0" {
			wrong = "must be 1.0"
		}
	case "id", "type", "subject":
		if value == "" {
			wrong = "must not be empty"
		}
	case "source", "dataschema":
		if _, err := url.Parse(value); err != nil || value == "" {
			wrong = "must be a URI"
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			wrong = "must be RFC 3339"
		}
	case "partitionkey":
		if e.params.key != nil && string(e.params.key) != value {
			wrong = "differs from the request's key"
		}
		e.params.key = []byte(value)
	}
	if wrong != "" {
		e.params.wrong(location, wrong)
	}
}

// check looks for the attributes that every event has.
func (e *event) check(location string) {
	for _, name := range []string{"id", "source", "specversion", "type"} {
		if !slices.ContainsFunc(e.attributes, func(h kgo.RecordHeader) bool { return h.Key == "ce_"+name }) {
			e.params.wrong(location+name, "is missing")
		}
	}
	slices.SortFunc(e.attributes, func(a, b kgo.RecordHeader) int { return strings.Compare(a.Key, b.Key) })
}

// fill makes the record. Without data the value is empty, and not null, which
// would be a tombstone.
func (e *event) fill(r *kgo.Record, value []byte) {
	e.params.apply(r)
	r.Headers = append(r.Headers, e.attributes...)
	if e.contentType != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "content-type", Value: []byte(e.contentType)})
	}
	if r.Value = value; value == nil {
		r.Value = []byte{}
	}
}

// read takes the members of the batch's buffer and returns the data. Its error
// is one of syntax.
func (e *event) read(b *producer.Batch) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(b.Buffer))
	var data, base64 jsontext.Value
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String() // The token is void after the next call.
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		switch name {
		case "data":
			data = value
		case "data_base64":
			base64 = value
		default:
			e.member(name, value)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); err != io.EOF { //nolint:errorlint // The decoder documents io.EOF itself.
		return nil, fmt.Errorf("there is more after the object")
	}
	return e.data(b, data, base64), nil
}

// member takes an attribute; one that is null counts as absent.
func (e *event) member(name string, value jsontext.Value) {
	text := string(value)
	switch value.Kind() {
	case 'n':
		return
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			e.params.wrong("body."+name, "is not a valid string")
			return
		}
		text = string(unquoted)
	case 't', 'f':
	case '0':
		if strings.ContainsAny(text, ".eE") {
			e.params.wrong("body."+name, "a number must be whole")
			return
		}
	default:
		e.params.wrong("body."+name, "an attribute is a string, a whole number or a boolean")
		return
	}
	if name == "datacontenttype" {
		e.contentType = text
		return
	}
	e.set("body."+name, name, text)
}

// data returns the value of the record: what is in data_base64, or data as it
// came, but for a string whose content type is not JSON: its text.
func (e *event) data(b *producer.Batch, data, base64 jsontext.Value) []byte {
	if data != nil && base64 != nil {
		e.params.wrong("body.data_base64", "there is data already")
		return nil
	}
	if base64 == nil && (data == nil || data.Kind() == 'n') {
		return nil
	}
	if e.contentType == "" && base64 == nil {
		e.contentType = "application/json"
	}
	if base64 == nil && (data.Kind() != '"' || isJSON(e.contentType)) {
		return data
	}
	value := data
	if base64 != nil {
		value = base64
	}
	if value.Kind() != '"' {
		e.params.wrong("body.data_base64", "must be a string")
		return nil
	}
	if e.busy = b.Grow(int64(len(value))); e.busy != nil {
		return nil
	}
	text, err := jsontext.AppendUnquote(make([]byte, 0, len(value)), value)
	if err == nil && base64 == nil {
		return text
	}
	decoded, ok := decodeBase64(string(text))
	if !ok || err != nil {
		e.params.wrong("body.data_base64", "is not base64")
	}
	return decoded
}

// isJSON reports whether a media type says that the content is JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	_, kind, _ := strings.Cut(media, "/")
	return kind == "json" || strings.HasSuffix(kind, "+json")
}
