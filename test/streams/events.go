//go:build unix

package main

import (
	"bufio"
	"io"
	"strings"
)

// event is one that a stream has dispatched.
type event struct {
	name, data string
	// id is the last event ID when it was dispatched.
	id string
}

// eventReader takes a stream apart as "Interpreting an event stream" of the
// HTML standard says. It knows nothing of who sends the stream.
type eventReader struct {
	in   *bufio.Reader
	skip bool // a line has ended with CR: an LF that follows belongs to it
	bom  bool // the beginning was looked at

	name string
	data strings.Builder
	any  bool // there was a field data
	id   string
	line []byte
}

func newEventReader(r io.Reader, lastEventID string) *eventReader {
	return &eventReader{in: bufio.NewReaderSize(r, 4096), id: lastEventID}
}

// next returns the next event. What is cut off in the middle of an event is
// none, as the standard says.
func (r *eventReader) next() (event, error) {
	for {
		line, err := r.readLine()
		if err != nil {
			return event{}, err
		}
		if line != "" {
			r.field(line)
			continue
		}
		name, data, had := r.name, r.data.String(), r.any
		r.name, r.any = "", false
		r.data.Reset()
		if !had {
			continue
		}
		if name == "" {
			name = "message"
		}
		return event{name: name, data: strings.TrimSuffix(data, "\n"), id: r.id}, nil
	}
}

func (r *eventReader) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		r.name = value
	case "data":
		r.any = true
		r.data.WriteString(value)
		r.data.WriteByte('\n')
	case "id":
		if !strings.ContainsRune(value, 0) {
			r.id = value
		}
	}
}

// readLine returns a line without its end, which is LF, CR or both. A line that
// has no end is none.
func (r *eventReader) readLine() (string, error) {
	r.line = r.line[:0]
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			return "", err
		}
		if r.skip {
			r.skip = false
			if c == '\n' {
				continue
			}
		}
		switch c {
		case '\r':
			r.skip = true
			return r.text(), nil
		case '\n':
			return r.text(), nil
		}
		r.line = append(r.line, c)
	}
}

func (r *eventReader) text() string {
	text := string(r.line)
	if !r.bom {
		r.bom = true
		text = strings.TrimPrefix(text, "\ufeff")
	}
	return text
}
