package example

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Line is a record to write.
type Line struct {
	// Key is the record's; no key when empty.
	Key string
	// Value is what is written as JSON, or a Text.
	Value any
	// Timestamp is the record's; now when zero.
	Timestamp time.Time
	// Headers are the record's.
	Headers map[string]string
}

// Text is a Line's Value that is written as it is, and not as JSON.
type Text string

// The JSON of a record in the v3 dialect of service A, which has a key, a time
// and headers of its own for each record of a stream.
type wireRecord struct {
	Key       *wireData    `json:"key,omitempty"`
	Value     *wireData    `json:"value"`
	Timestamp *time.Time   `json:"timestamp,omitempty"`
	Headers   []wireHeader `json:"headers,omitempty"`
}

type wireData struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

type wireHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"` // in base64
}

// encode writes the line as service A wants it.
func (l Line) encode() ([]byte, error) {
	r := wireRecord{Value: &wireData{"JSON", l.Value}}
	switch v := l.Value.(type) {
	case Text:
		r.Value = &wireData{"STRING", string(v)}
		if !utf8.ValidString(string(v)) {
			r.Value = &wireData{"BINARY", []byte(v)}
		}
	case nil:
		r.Value = nil
	}
	switch {
	case l.Key == "":
	case utf8.ValidString(l.Key):
		r.Key = &wireData{"STRING", l.Key}
	default:
		r.Key = &wireData{"BINARY", []byte(l.Key)}
	}
	if !l.Timestamp.IsZero() {
		at := l.Timestamp.UTC()
		r.Timestamp = &at
	}
	for name, value := range l.Headers {
		r.Headers = append(r.Headers, wireHeader{name, base64.StdEncoding.EncodeToString([]byte(value))})
	}
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false) // It is no HTML, and is stored as it is written here.
	if err := to.Encode(r); err != nil {
		return nil, fmt.Errorf("the line with the key %q cannot be written as JSON: %w", l.Key, err)
	}
	return text.Bytes(), nil
}
