package stream

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/record"
)

// Format is how a client's frames look.
type Format uint8

// The formats.
const (
	// SSE is a Server-Sent Event: lines of id and data, and an empty one.
	SSE Format = iota
	// JSON is an object with id, event and data.
	JSON
	// Plain is the data of a record alone, with a newline (NDJSON).
	Plain
	formats = 3
)

// Values is how the value of a record is written.
type Values uint8

// The forms of values.
const (
	// Auto embeds a value that is JSON, writes text as a string, and anything
	// else as base64, with "encoding":"base64".
	Auto Values = iota
	// AsJSON embeds a value that is JSON, and writes anything else as base64.
	AsJSON
	// AsText writes a string, and what is not UTF-8 as base64.
	AsText
	// AsBase64 writes base64 always.
	AsBase64
	valueForms = 4
)

// Form is what a client's frames look like.
type Form struct {
	Format Format
	Values Values
}

func (f Form) index() int { return int(f.Format)*valueForms + int(f.Values) }

// frames are the records of a batch, encoded one after the other. A frame is
// an id, which may be absent, and a body.
type frames struct {
	bytes []byte
	body  []int // where the body of each frame begins
	end   []int // where each frame ends
}

// whole returns all frames, and where they end.
func (f *frames) whole() ([]byte, []int) { return f.bytes, f.end }

// bodyOf returns the frame of a record without its id.
func (f *frames) bodyOf(i int) []byte { return f.bytes[f.body[i]:f.end[i]] }

// of returns the frame of a record.
func (f *frames) of(i int) []byte {
	begin := 0
	if i > 0 {
		begin = f.end[i-1]
	}
	return f.bytes[begin:f.end[i]]
}

// encoded returns the frames of the batch, which are made once for each form.
// Those of a batch of a ring carry the ring's position as ids.
func (b *batch) encoded(form Form) *frames {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.frames[form.index()]; f != nil {
		return f
	}
	f := &frames{bytes: make([]byte, 0, b.size+b.size/2), body: make([]int, len(b.records)), end: make([]int, len(b.records))}
	var cursor Cursor
	if b.before != nil {
		next := append(make([]int64, 0, len(b.after)), b.before...)
		cursor = Cursor{{ID: b.id, name: nameHash(b.topic), Next: append(next, b.after[len(b.before):]...)}}
	}
	for i := range b.records {
		r := &b.records[i]
		last := i == len(b.records)-1
		if cursor != nil {
			cursor[0].Next[r.partition] = r.offset + 1
			if last {
				copy(cursor[0].Next, b.after)
			}
		}
		f.bytes = appendHead(f.bytes, form.Format, cursor, last)
		f.body[i] = len(f.bytes)
		f.bytes = appendBody(f.bytes, form, b.topic, r)
		f.end[i] = len(f.bytes)
	}
	b.frames[form.index()] = f
	if b.grown != nil {
		b.grown(cap(f.bytes) + 16*len(b.records))
	}
	return f
}

// appendHead appends what comes before the body: the id, where the cursor is
// small enough for one on each event, or this one is the last of its run.
func appendHead(dst []byte, format Format, cursor Cursor, last bool) []byte {
	partitions := 0
	for _, t := range cursor {
		partitions += len(t.Next)
	}
	with := cursor != nil && (partitions <= idsOnAll || last)
	switch format {
	case SSE:
		if with {
			dst = append(dst, "id: "...)
			dst = append(cursor.appendText(dst), '\n')
		}
	case JSON:
		dst = append(dst, '{')
		if with {
			dst = append(dst, `"id":"`...)
			dst = append(cursor.appendText(dst), `",`...)
		}
	case Plain:
	}
	return dst
}

func appendBody(dst []byte, form Form, topic string, r *rec) []byte {
	switch form.Format {
	case SSE:
		dst = append(dst, "data: "...)
		dst = appendRecord(dst, form.Values, topic, r)
		return append(dst, "\n\n"...)
	case JSON:
		dst = append(dst, `"event":"message","data":`...)
		dst = appendRecord(dst, form.Values, topic, r)
		return append(dst, '}')
	case Plain:
	}
	return append(appendRecord(dst, form.Values, topic, r), '\n')
}

// appendRecord appends a record as JSON without a line end.
func appendRecord(dst []byte, values Values, topic string, r *rec) []byte {
	dst = append(dst, `{"topic":"`...)
	dst = append(dst, topic...) // Kafka takes no name that needs an escape.
	dst = append(dst, `","partition":`...)
	dst = strconv.AppendInt(dst, int64(r.partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.offset, 10)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, r.millis, 10)
	dst = append(dst, `,"key":`...)
	dst, binary := record.AppendJSON(dst, r.key)
	if binary {
		dst = append(dst, `,"key_encoding":"base64"`...)
	}
	dst = append(dst, `,"headers":[`...)
	for i, h := range r.headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"key":`...)
		// Kafka's header keys are strings, but it takes any bytes for one.
		dst, binary = record.AppendJSON(dst, []byte(h.Key))
		if binary {
			dst = append(dst, `,"key_encoding":"base64"`...)
		}
		dst = append(dst, `,"value":`...)
		if dst, binary = record.AppendJSON(dst, h.Value); binary {
			dst = append(dst, `,"encoding":"base64"`...)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, `],"value":`...)
	return append(appendValue(dst, values, r.value), '}')
}

// appendValue appends a value and, where it is base64, that it is.
func appendValue(dst []byte, values Values, value []byte) []byte {
	switch {
	case value == nil:
		return append(dst, "null"...)
	case values == AsBase64, values != AsJSON && !utf8.Valid(value):
		return appendBase64(dst, value)
	case values == AsText:
		dst, _ = record.AppendJSON(dst, value)
		return dst
	case embeddable(value):
		return appendOneLine(dst, value)
	case values == AsJSON:
		return appendBase64(dst, value)
	}
	dst, _ = record.AppendJSON(dst, value)
	return dst
}

func appendBase64(dst, value []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, `","encoding":"base64"`...)
}

// embeddable reports whether a value is JSON that a strict reader takes: valid
// UTF-8, and no name twice in an object.
func embeddable(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	// Most text that is not JSON is found by its first byte.
	switch c := value[0]; {
	case c == '{', c == '[', c == '"', c == '-', '0' <= c && c <= '9', c == 't', c == 'f', c == 'n', c == ' ', c == '\t', c == '\n', c == '\r':
	default:
		return false
	}
	return jsontext.Value(value).IsValid()
}

// appendOneLine appends JSON with spaces for its line ends, which can only be
// between its tokens.
func appendOneLine(dst, value []byte) []byte {
	at := len(dst)
	dst = append(dst, value...)
	for i, c := range dst[at:] {
		if c == '\n' || c == '\r' {
			dst[at+i] = ' '
		}
	}
	return dst
}
