package example

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEvent bounds a line of a stream: more than the largest record takes.
const maxEvent = 16 << 20

// sseEvent is an event of a stream.
type sseEvent struct {
	name, data, id string
}

// sseReader takes a stream of Server-Sent Events apart, as far as service B
// writes them: with LF, and one line of data in each.
type sseReader struct {
	lines *bufio.Scanner
	retry time.Duration // what the service has asked for last
}

func newSSEReader(r io.Reader) *sseReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	return &sseReader{lines: lines}
}

// next returns the next event. heard is called for every line, also of those
// that are none.
func (r *sseReader) next(heard func()) (sseEvent, error) {
	e := sseEvent{name: "message"}
	for r.lines.Scan() {
		heard()
		line := r.lines.Text()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "id":
			e.id = value
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms >= 0 {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		case "":
			if line == "" && e.data != "" {
				return e, nil
			}
		}
	}
	if err := r.lines.Err(); err != nil {
		return e, err
	}
	return e, io.EOF
}
