package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// sseReader interprets an event stream as the HTML standard says (9.2.6), so
// that what we write is judged by the standard and not by ourselves.
type sseReader struct {
	in     *bufio.Reader
	began  bool
	data   strings.Builder
	has    bool // data is not empty
	kind   string
	lastID string
	retry  int

	comments int
}

// sseEvent is an event as a page gets it.
type sseEvent struct {
	Name, ID, Data string
}

func newSSEReader(r io.Reader) *sseReader { return &sseReader{in: bufio.NewReader(r)} }

// next returns the next event that a browser would dispatch.
func (s *sseReader) next() (sseEvent, error) {
	for {
		line, err := s.line()
		if err != nil {
			return sseEvent{}, err // What is pending is discarded.
		}
		if line == "" {
			if e, ok := s.dispatch(); ok {
				return e, nil
			}
			continue
		}
		name, value, colon := strings.Cut(line, ":")
		switch {
		case colon && name == "":
			s.comments++
			continue
		case colon:
			value = strings.TrimPrefix(value, " ")
		}
		s.field(name, value)
	}
}

// line reads up to CR LF, LF or CR.
func (s *sseReader) line() (string, error) {
	var b strings.Builder
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return "", err
		}
		switch c {
		case '\r':
			if next, err := s.in.Peek(1); err == nil && next[0] == '\n' {
				_, _ = s.in.Discard(1)
			}
		case '\n':
		default:
			b.WriteByte(c)
			continue
		}
		text := b.String()
		if !s.began {
			s.began = true
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\ufffd")
		}
		return text, nil
	}
}

func (s *sseReader) field(name, value string) {
	switch name {
	case "event":
		s.kind = value
	case "data":
		s.has = true
		s.data.WriteString(value)
		s.data.WriteByte('\n')
	case "id":
		if !strings.Contains(value, "\x00") {
			s.lastID = value
		}
	case "retry":
		if n, err := strconv.Atoi(value); err == nil && strings.Trim(value, "0123456789") == "" {
			s.retry = n
		}
	}
}

func (s *sseReader) dispatch() (sseEvent, bool) {
	e := sseEvent{Name: "message", ID: s.lastID, Data: strings.TrimSuffix(s.data.String(), "\n")}
	if s.kind != "" {
		e.Name = s.kind
	}
	has := s.has
	s.data.Reset()
	s.kind, s.has = "", false
	return e, has
}

// events is an open stream.
type events struct {
	*world
	*sseReader
	resp   *http.Response
	cancel context.CancelFunc
}

// open opens a stream, which ends with the test.
func (w *world) open(path string, headers ...string) *events {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	resp, err := w.client.Do(w.request(http.MethodGet, path, headers...).WithContext(ctx)) //nolint:bodyclose // The stream does it.
	require.NoError(w, err)
	e := &events{w, newSSEReader(resp.Body), resp, cancel}
	w.Cleanup(e.close)
	return e
}

func (e *events) close() {
	e.cancel()
	_ = e.resp.Body.Close()
}

// until reads up to the first event of the name, and returns all.
func (e *events) until(name string) []sseEvent {
	e.Helper()
	var all []sseEvent
	for {
		got, err := e.next()
		require.NoError(e, err, "after %v", all)
		all = append(all, got)
		if got.Name == name {
			return all
		}
	}
}

// records reads n records.
func (e *events) records(n int) []sseEvent {
	e.Helper()
	var all []sseEvent
	for len(all) < n {
		got := e.until("message")
		all = append(all, got[len(got)-1])
	}
	return all
}

// decoded is a record as a client reads it.
type decoded struct {
	Topic       string          `json:"topic"`
	Partition   int32           `json:"partition"`
	Offset      int64           `json:"offset"`
	Timestamp   int64           `json:"timestamp"`
	Key         *string         `json:"key"`
	KeyEncoding string          `json:"key_encoding"`
	Headers     []decodedHeader `json:"headers"`
	Value       json.RawMessage `json:"value"`
	Encoding    string          `json:"encoding"`
}

type decodedHeader struct {
	Key         string  `json:"key"`
	KeyEncoding string  `json:"key_encoding"`
	Value       *string `json:"value"`
	Encoding    string  `json:"encoding"`
}

func (w *world) decode(data string) decoded {
	w.Helper()
	var d decoded
	require.NoError(w, json.Unmarshal([]byte(data), &d), data)
	return d
}
