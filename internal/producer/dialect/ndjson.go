package dialect

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/internal/units"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lines takes NDJSON: one record a line, each a JSON text that is stored byte
// for byte, in any number. A line that is not JSON fails alone, blank lines are
// skipped. The line's end, "\n" or "\r\n", is not part of it.
type lines struct{}

func (lines) claims(_ *http.Request, media string) bool {
	return media == "application/x-ndjson" || media == "application/jsonl"
}

func (lines) refuse(c *call, p *httpserver.Problem) { c.refuse(p) }

func (f lines) serve(c *call, topic string) {
	p := newParams(c, append([]string{"key_path", "results"}, recordParams...)...)
	u := &upload{params: p, path: p.keyPath(), each: p.eachResult(), limit: c.writer.Config().Limits.Record}
	if problem := p.problem(); problem != nil {
		f.refuse(c, problem)
		return
	}
	if err := c.may(topic); err != nil {
		f.refuse(c, problem(err))
		return
	}
	// Not from the principal's share: a piece that takes all of it must find
	// it free at some time.
	own, err := c.writer.Admit(nil, lineBuffer+streamRoom)
	if err != nil {
		f.refuse(c, problem(err))
		return
	}
	defer own.Release()
	u.run(c, topic, own)
}

const (
	// lineBuffer is what is read at once. A longer line gets a piece of its
	// own.
	lineBuffer = 64 << 10
	// streamRoom is what a stream takes beside its buffer and its pieces.
	streamRoom = 16 << 10
)

// upload is one NDJSON request.
type upload struct {
	params *params
	path   *pointer // to the key in each line; nil: the request's own key
	each   bool     // a result a line
	limit  units.Bytes

	stream  *stream[int]
	in      *bufio.Reader
	decoder *jsontext.Decoder
	line    int // that is being read, from 1
	taken   int // the last one that has, or will have, a result
	cut     *producer.Error
	tally
}

// run reads to the end of the body and answers. The stream's own room is held
// by a batch that is never submitted.
func (u *upload) run(c *call, topic string, own *producer.Batch) {
	u.stream = newStream(c, topic, u.results)
	if u.each {
		c.answer.Header().Set("Content-Type", "application/x-ndjson")
	}
	body, closeBody, p := c.decoded(own, u.stream)
	if p == nil {
		u.in = bufio.NewReaderSize(body, lineBuffer)
		u.decoder = jsontext.NewDecoder(bytes.NewBuffer(nil))
		err := u.read()
		closeBody()
		switch {
		case err == nil || u.stream.stopped != nil:
		case c.writer.Streams().Err() != nil:
			u.stream.stop(drained()) // What woke the reader.
		default:
			p = c.cutOff(err)
		}
	}
	u.stream.finish()
	switch {
	case u.stream.stopped != nil:
		u.cut = u.stream.stopped
	case p != nil:
		u.cut = producer.Refusal(producer.Invalid, p.Detail)
	}
	u.answer(c)
}

// read takes line after line, until the end or an error of the body.
func (u *upload) read() error {
	for {
		line, err := u.in.ReadSlice('\n')
		if len(line) > 0 {
			u.line++
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			err = u.long(line)
		case err == nil || errors.Is(err, io.EOF):
			u.take(line)
		}
		switch {
		case u.stream.stopped != nil || errors.Is(err, io.EOF):
			return nil //nolint:nilerr // The one end is told by the stream, the other is none.
		case err != nil:
			return err
		}
	}
}

// take adds a line, which is the reader's, and copied.
func (u *upload) take(line []byte) {
	line = trimLine(line)
	if len(bytes.TrimSpace(line)) == 0 {
		u.taken = u.line
		return
	}
	if len(line) > int(u.limit) {
		u.skip()
		return
	}
	// A key that has to be decoded comes behind the line.
	b, r := u.stream.add(u.line, u.room(len(line)))
	if b == nil {
		return
	}
	u.taken = u.line
	start := len(b.Buffer)
	b.Buffer = append(b.Buffer, line...)
	u.fill(b, r, b.Buffer[start:])
}

// room is what a line takes in a batch's buffer.
func (u *upload) room(line int) int {
	if u.path != nil {
		return 2 * line
	}
	return line
}

// long reads the rest of a line that is longer than what is read at once, into
// a piece of its own, for which there is room before.
func (u *upload) long(start []byte) error {
	most := int(u.limit) + len("\r\n")
	p := u.stream.detach(u.room(most))
	if p == nil {
		return nil
	}
	u.stream.hurry(timeFor(int64(most)))
	defer u.stream.hurry(0)
	b := p.batch
	b.Buffer = append(b.Buffer, start...)
	for {
		part, err := u.in.ReadSlice('\n')
		over := len(b.Buffer)+len(part) > most
		if !over {
			b.Buffer = append(b.Buffer, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && !over:
			continue
		case err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF):
			u.stream.drop(p)
			return err
		}
		if line := trimLine(b.Buffer); !over && len(line) <= int(u.limit) {
			u.stream.attach(p)
			b.Buffer = line
			_, r := u.stream.add(u.line, 0)
			u.taken = u.line
			u.fill(b, r, line)
			return err
		}
		u.stream.drop(p)
		u.skip()
		if errors.Is(err, bufio.ErrBufferFull) {
			err = u.skipLine()
		}
		return err
	}
}

// skipLine reads to the end of the line and throws it away.
func (u *upload) skipLine() error {
	for {
		if _, err := u.in.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// skip fails the present line, which is too long.
func (u *upload) skip() {
	u.stream.fail(u.line, recordTooLarge(u.limit))
	u.taken = u.line
}

// fill makes the record of a line that is in the batch's buffer.
func (u *upload) fill(b *producer.Batch, r *kgo.Record, line []byte) {
	r.Key, r.Partition, r.Timestamp = u.params.key, u.params.partition, u.params.timestamp
	r.Headers = u.params.headers // Shared, and only read.
	r.Value = slices.Clip(line)
	var err *producer.Error
	switch {
	case u.path != nil:
		r.Key, err = u.path.key(u.decoder, b, line)
	case !jsontext.Value(line).IsValid():
		err = errMalformedLine
	}
	if err != nil {
		b.Fail(b.Len()-1, u.stream.writer.Refused(err))
	}
}

// errMalformedLine is the one failure of a line that is an error of syntax.
var errMalformedLine = producer.Refusal(producer.Invalid, "the line is not valid JSON")

// trimLine takes the line's end off.
func trimLine(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

func (p *params) eachResult() bool {
	values, ok := p.query["results"]
	if ok && values[0] != "each" {
		p.wrong("query.results", "must be each")
	}
	return ok
}
