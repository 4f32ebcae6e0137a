package dialect

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fields fills a record from the members of a JSON object, and
// collects every one that is wrong.
type fields struct {
	batch   *producer.Batch
	record  *kgo.Record
	content jsontext.Value // as it came, quotes included
	errors  []httpserver.FieldError
	busy    *producer.Error // there was no room to decode into
}

func (f *fields) wrong(field, message string) {
	f.errors = append(f.errors, httpserver.FieldError{Location: "body." + field, Message: message})
}

// read takes the whole object, and nothing but white space after it. Its error
// is one of syntax.
func (f *fields) read(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		field := name.String() // The token is void after the next call.
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		f.set(field, value)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); err != io.EOF { //nolint:errorlint // The decoder documents io.EOF itself.
		return fmt.Errorf("there is more after the object")
	}
	return nil
}

// set takes one member. An optional one that is null counts as absent.
func (f *fields) set(name string, value jsontext.Value) {
	r := f.record
	if value.Kind() == 'n' && name != "content" {
		switch name {
		case "topic", "key", "partition", "timestamp", "headers":
			return
		}
	}
	switch name {
	case "content":
		if text, ok := f.text(name, value); ok {
			r.Value, f.content = text, value
		} else {
			f.content = value // Wrong, and not missing.
		}
	case "topic":
		if text, ok := f.text(name, value); ok {
			if f.batch.Topic = string(text); !producer.ValidTopic(f.batch.Topic) {
				f.wrong(name, "is not a topic name: 1 to 249 of A-Z a-z 0-9 . _ -")
			}
		}
	case "key":
		if text, ok := f.text(name, value); ok {
			r.Key = text
		}
	case "partition":
		n, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil || n < 0 {
			f.wrong(name, "must be a whole number from 0 to 2147483647")
			return
		}
		r.Partition = int32(n)
	case "timestamp":
		f.timestamp(value)
	case "headers":
		f.headers(value)
	default:
		f.wrong(name, "unknown field")
	}
}

// text returns the bytes of a JSON string: a part of the body where nothing is
// escaped. It is never nil, since null and empty differ in Kafka.
func (f *fields) text(name string, value jsontext.Value) ([]byte, bool) {
	if value.Kind() != '"' {
		f.wrong(name, "must be a string")
		return nil, false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], true
	}
	if err := f.batch.Grow(int64(len(value))); err != nil {
		f.busy = err
		return nil, false
	}
	text, err := jsontext.AppendUnquote(make([]byte, 0, len(value)), value)
	if err != nil {
		f.wrong(name, "is not a valid string")
		return nil, false
	}
	return text, true
}

func (f *fields) timestamp(value jsontext.Value) {
	var at time.Time
	ok := false
	switch value.Kind() {
	case '0':
		if ms, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			at, ok = timestamp(ms)
		}
	case '"':
		text, _ := f.text("timestamp", value)
		if t, err := time.Parse(time.RFC3339, string(text)); err == nil {
			at, ok = timestamp(t.UnixMilli())
		}
	default:
	}
	if !ok {
		f.wrong("timestamp", "must be RFC 3339 or Unix milliseconds, from 1970 to 2262-04-11")
		return
	}
	f.record.Timestamp = at
}

func (f *fields) headers(value jsontext.Value) {
	if value.Kind() != '{' {
		f.wrong("headers", "must be an object of strings")
		return
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	_, _ = dec.ReadToken() // The value has been checked: it is an object.
	for dec.PeekKind() == '"' {
		token, _ := dec.ReadToken()
		name := token.String()
		member, _ := dec.ReadValue()
		if err := producer.CheckHeader(name); err != nil {
			f.wrong("headers."+name, err.Error())
			continue
		}
		if text, ok := f.text("headers."+name, member); ok {
			f.record.Headers = append(f.record.Headers, kgo.RecordHeader{Key: name, Value: text})
		}
	}
}
