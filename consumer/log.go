package consumer

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"

	"sluice/record"
)

// LogFormat is how the log handler writes a record.
type LogFormat string

const (
	// LogText writes `Message received: <value>` and a newline; the value is
	// escaped as record.AppendText does, so that it stays on its line and
	// cannot act on a terminal.
	LogText LogFormat = "text"
	// LogJSON writes an object with msg, value, topic, partition and offset,
	// and "encoding":"base64" where the value is not UTF-8; see
	// record.AppendJSON.
	LogJSON LogFormat = "json"
)

// maxLogBuffer is what a Log keeps of its buffer; a larger record's is let go.
const maxLogBuffer = 1 << 20

// Log is the handler that writes each record as a line.
//
// A line is one call of Write, and its record is handled when the call has
// written all of it. There is no buffer in between that a crash could lose.
type Log struct {
	w      io.Writer
	append func(dst []byte, r *record.Record) []byte

	mu   sync.Mutex
	line []byte
	torn bool // the last line was not written to its end
}

// NewLog returns a handler that writes to w. Anything but LogJSON is LogText.
func NewLog(w io.Writer, format LogFormat) *Log {
	l := &Log{w: w, append: appendTextLine}
	if format == LogJSON {
		l.append = appendJSONLine
	}
	return l
}

// Handle writes the line of r.
func (l *Log) Handle(_ context.Context, r *record.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = l.line[:0]
	if l.torn {
		l.line = append(l.line, '\n') // What is left of the other line ends here.
	}
	l.line = l.append(l.line, r)
	n, err := l.w.Write(l.line)
	if err == nil && n < len(l.line) {
		err = io.ErrShortWrite
	}
	if n > 0 {
		l.torn = n < len(l.line)
	}
	if cap(l.line) > maxLogBuffer {
		l.line = nil
	}
	if err != nil {
		return fmt.Errorf("write the line of %s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return nil
}

func appendTextLine(dst []byte, r *record.Record) []byte {
	dst = append(dst, "Message received: "...)
	dst = record.AppendText(dst, r.Value)
	return append(dst, '\n')
}

func appendJSONLine(dst []byte, r *record.Record) []byte {
	dst = append(dst, `{"msg":"Message received","value":`...)
	dst, isBase64 := record.AppendJSON(dst, r.Value)
	if isBase64 {
		dst = append(dst, `,"encoding":"base64"`...)
	}
	dst = append(dst, `,"topic":"`...)
	dst = append(dst, r.Topic...) // Kafka takes no name that needs an escape.
	dst = append(dst, `","partition":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	return append(dst, '}', '\n')
}
