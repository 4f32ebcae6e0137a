package dialect

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"sluice/internal/producer"
	"sluice/internal/units"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fuzzedCall is the call of a request that has this query and these headers.
func fuzzedCall(w *producer.Writer, query string, h http.Header) *call {
	r := httptest.NewRequest(http.MethodPost, "/topics/events", nil)
	r.URL = &url.URL{Path: "/topics/events", RawQuery: query}
	r.Header = h
	c, _ := newCall(w, httptest.NewRecorder(), r)
	return c
}

// ParsePointer returns the tokens of a JSON Pointer.
func ParsePointer(text string) (tokens []string, ok bool) {
	p, err := parsePointer(text)
	if err != nil {
		return nil, false
	}
	return p.tokens, true
}

// FuzzedLine is what became of a line.
type FuzzedLine struct {
	Line       int
	Key, Value []byte
	Failed     bool
}

// DecodeLines reads a body line by line, as an upload does, with the pointer to
// the key where there is one, a limit of a line and a buffer of this size.
func DecodeLines(w *producer.Writer, body []byte, pointer *string, limit, buffer int) (lines []FuzzedLine, ok bool) {
	c := fuzzedCall(w, "", http.Header{})
	u := &upload{params: newParams(c), limit: units.Bytes(limit)}
	if pointer != nil {
		path, err := parsePointer(*pointer)
		if err != nil {
			return nil, false
		}
		u.path = path
	}
	u.stream = newStream(c, "events", func(_ []byte, p *piece[int]) []byte {
		for i, line := range p.notes {
			_, err := p.result(i)
			r := p.batch.Record(i)
			lines = append(lines, FuzzedLine{line, bytes.Clone(r.Key), bytes.Clone(r.Value), err != nil})
		}
		return nil
	})
	u.in = bufio.NewReaderSize(bytes.NewReader(body), buffer)
	u.decoder = jsontext.NewDecoder(bytes.NewBuffer(nil))
	err := u.read()
	u.stream.finish()
	return lines, err == nil && u.stream.stopped == nil
}

// DecodeEvent is what a structured event becomes.
func DecodeEvent(w *producer.Writer, body []byte) (r kgo.Record, ok bool) {
	b, refusal := w.Admit(nil, int64(len(body)))
	if refusal != nil {
		panic(refusal)
	}
	defer b.Release()
	b.Buffer = append(b.Buffer[:0], body...)
	e := newEvent(fuzzedCall(w, "", http.Header{}))
	value, err := e.read(b)
	if err != nil {
		return r, false
	}
	e.check("body.")
	e.fill(&r, value)
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	return r, len(e.params.errors) == 0 && e.busy == nil
}

// ParamsOf is a record with what a request says of it beside the body, and
// the places where it says something wrong.
func ParamsOf(w *producer.Writer, query string, h http.Header, taken ...string) (r kgo.Record, wrong []string) {
	p := newParams(fuzzedCall(w, query, h), append(taken, recordParams...)...)
	p.tombstone()
	p.keyPath()
	p.eachResult()
	for _, e := range p.errors {
		wrong = append(wrong, e.Location)
	}
	p.apply(&r)
	return r, wrong
}

// DecodeBase64 takes the standard alphabet, with its padding or without.
func DecodeBase64(text string) ([]byte, bool) { return decodeBase64(text) }

// DecodeBody reads a body with a content encoding, or returns the status by
// which it is refused.
func DecodeBody(w *producer.Writer, encoding string, body []byte) (decoded []byte, status int) {
	c := fuzzedCall(w, "", http.Header{"Content-Encoding": {encoding}})
	c.request.Body, c.request.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
	b, p := c.admit()
	if p != nil {
		return nil, p.Status
	}
	defer b.Release()
	return bytes.Clone(b.Buffer), http.StatusOK
}
