package dashboard

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/record"
)

const (
	// maxRecordBody bounds a request to write: a record of a megabyte, in
	// base64 and with room for the rest. A topic's own limit is service A's
	// affair.
	maxRecordBody = 2 << 20
	maxHeaders    = 100
)

// newRecord is the body of a request to write, for the schema. Its members are
// those of a record in a live stream.
type newRecord struct {
	Topic       string      `json:"topic" pattern:"^[a-zA-Z0-9._-]{1,249}$"`
	Key         *string     `json:"key,omitempty" doc:"Null, the default, is a record without a key."`
	KeyEncoding string      `json:"key_encoding,omitempty" enum:"base64" doc:"base64 where the key is not text."`
	Value       *string     `json:"value" nullable:"true" doc:"Null is a tombstone, which needs a key."`
	Encoding    string      `json:"encoding,omitempty" enum:"base64" doc:"base64 where the value is not text."`
	Headers     []newHeader `json:"headers,omitempty" doc:"In this order; at most 100."`
}

// newHeader is a header of the record.
type newHeader struct {
	Key      string  `json:"key"`
	Value    *string `json:"value"`
	Encoding string  `json:"encoding,omitempty" enum:"base64" doc:"base64 where the value is not text."`
}

// recordWritten is the answer, the same as that of service A.
type recordWritten struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	Offset    int64      `json:"offset"`
	Timestamp *time.Time `json:"timestamp" doc:"Null where the topic's brokers stamp records themselves."`
}

func writeDoc() httpserver.Doc {
	answers := map[int]httpserver.Answer{
		http.StatusOK: {Description: "Kafka has the record.", Body: recordWritten{}},
	}
	for code, description := range map[int]string{
		http.StatusBadRequest:            "The body is not a JSON object, or was cut off.",
		http.StatusForbidden:             "This principal may not write to the topic, Kafka does not let us, or a page of another origin asked.",
		http.StatusNotFound:              "The topic does not exist.",
		http.StatusRequestEntityTooLarge: "The body or the record is over its limit.",
		http.StatusUnsupportedMediaType:  "The body is not JSON.",
		http.StatusUnprocessableEntity:   "A field is missing, unknown or wrong; every one is listed.",
		http.StatusTooManyRequests:       "The principal's limits are used up; safe to send again after Retry-After.",
		http.StatusBadGateway:            "Kafka refused the record for good.",
		http.StatusServiceUnavailable:    "Nothing was handed to Kafka; safe to send again after Retry-After.",
		http.StatusGatewayTimeout:        "Kafka did not answer in time; the record may have been written, or may be later.",
	} {
		answer := httpserver.Answer{Description: description, Problem: true}
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			answer.Headers = map[string]string{"Retry-After": "Seconds to wait."}
		}
		answers[code] = answer
	}
	return httpserver.Doc{
		ID: "dashboardWrite", Summary: "Write one record", Tag: docTag,
		Description: "The form of the dashboard, where this program runs service A as well or knows its address. Needs the right to write to the topic. Programs write to service A.",
		Body:        newRecord{},
		BodyExample: map[string]any{"topic": "orders", "key": "cust-0093", "value": `{"order": "A-77120"}`},
		Answers:     answers,
	}
}

func (d *Dashboard) write(w http.ResponseWriter, r *http.Request) {
	rec, p := readRecord(w, r)
	if p == nil && !access.From(r.Context()).May(access.Write, rec.Topic) {
		p = notWritten(http.StatusForbidden, "this principal may not write to topic "+rec.Topic)
	}
	if p != nil {
		httpserver.AnswerUnread(w, r, func() { p.Write(w) })
		return
	}
	httpserver.ExtendRead(w, 0) // The body was read; Kafka's answer may take longer.
	written, p := d.deps.Produce(r.Context(), rec)
	if p != nil {
		p.Write(w)
		return
	}
	answer := recordWritten{Topic: rec.Topic, Partition: written.Partition, Offset: written.Offset}
	if !written.Timestamp.IsZero() {
		at := written.Timestamp.UTC()
		answer.Timestamp = &at
	}
	body, err := json.Marshal(answer)
	if err != nil {
		body = []byte(`{}`) // A time beyond the year 9999: the record is written all the same.
	}
	writeJSON(w, body)
}

// notWritten makes a problem of a request of which nothing reached Kafka.
func notWritten(status int, detail string) *httpserver.Problem {
	p := httpserver.NewProblem(status, detail)
	p.Written = "no"
	return p
}

// readRecord reads the request. Every field that is wrong is in the problem.
func readRecord(w http.ResponseWriter, r *http.Request) (rec record.Record, p *httpserver.Problem) {
	if r.URL.RawQuery != "" {
		return rec, notWritten(http.StatusUnprocessableEntity, "this endpoint takes no query parameters")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return rec, notWritten(http.StatusUnsupportedMediaType, "the body has to be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecordBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return rec, notWritten(http.StatusRequestEntityTooLarge, "the request body is over the limit of 2 MiB")
	} else if err != nil {
		return rec, notWritten(http.StatusBadRequest, "the request body was cut off or came too slowly")
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return rec, notWritten(http.StatusBadRequest, "the body is not a JSON object in valid UTF-8 with each name once")
	}
	f := form{fields: fields}
	rec = f.record()
	if len(f.wrong) == 0 {
		return rec, nil
	}
	slices.SortFunc(f.wrong, func(a, b httpserver.FieldError) int { return strings.Compare(a.Location, b.Location) })
	p = notWritten(http.StatusUnprocessableEntity, "a field is missing, unknown or wrong")
	p.Errors = f.wrong
	return rec, p
}

// form reads the members of a body.
type form struct {
	fields map[string]jsontext.Value
	wrong  []httpserver.FieldError
}

func (f *form) bad(field, message string) {
	f.wrong = append(f.wrong, httpserver.FieldError{Location: "body." + field, Message: message})
}

func (f *form) record() (rec record.Record) {
	for name := range f.fields {
		if !slices.Contains([]string{"topic", "key", "key_encoding", "value", "encoding", "headers"}, name) {
			f.bad(name, "unknown field")
		}
	}
	if json.Unmarshal(f.fields["topic"], &rec.Topic) != nil || !validTopic(rec.Topic) {
		f.bad("topic", "has to be a topic's name: 1 to 249 of A-Z a-z 0-9 . _ -")
	}
	rec.Key = f.bytes("", "key", f.fields["key"], f.fields["key_encoding"])
	rec.Value = f.bytes("", "value", f.fields["value"], f.fields["encoding"])
	switch {
	case f.fields["value"] == nil:
		f.bad("value", "is missing; null writes a tombstone")
	case rec.Value == nil && rec.Key == nil && len(f.wrong) == 0:
		f.bad("value", "is null, and a tombstone needs a key")
	}
	rec.Headers = f.headers()
	return rec
}

// bytes reads a key or a value: text, or base64 where the encoding says so;
// nil for null.
func (f *form) bytes(where, name string, value, encoding jsontext.Value) []byte {
	as := ""
	if encoding != nil && (json.Unmarshal(encoding, &as) != nil || as != "base64") {
		if name == "key" {
			f.bad(where+"key_encoding", `has to be "base64" or absent`)
		} else {
			f.bad(where+"encoding", `has to be "base64" or absent`)
		}
		return nil
	}
	if value == nil || value.Kind() == 'n' {
		return nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		f.bad(where+name, "has to be a string or null")
		return nil
	}
	if as == "" {
		return []byte(text)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		f.bad(where+name, "is not base64")
		return nil
	}
	return append([]byte{}, raw...) // Empty is not null.
}

func (f *form) headers() []record.Header {
	var list []map[string]jsontext.Value
	if raw := f.fields["headers"]; raw == nil {
		return nil
	} else if raw.Kind() != '[' || json.Unmarshal(raw, &list) != nil || len(list) > maxHeaders {
		f.bad("headers", `has to be a list of at most 100 {"key": …, "value": …}`)
		return nil
	}
	headers := make([]record.Header, 0, len(list))
	for n, members := range list {
		where := "headers[" + strconv.Itoa(n) + "]."
		for name := range members {
			if name != "key" && name != "value" && name != "encoding" {
				f.bad(where+name, "unknown field")
			}
		}
		h := record.Header{}
		if members["key"].Kind() != '"' || json.Unmarshal(members["key"], &h.Key) != nil {
			f.bad(where+"key", "has to be a string")
		}
		if members["value"] == nil {
			f.bad(where+"value", "is missing; null is a header without a value")
		}
		h.Value = f.bytes(where, "value", members["value"], members["encoding"])
		headers = append(headers, h)
	}
	return headers
}

// validTopic reports whether Kafka would take the name.
func validTopic(name string) bool {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
}
