package dialect

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// take adds a record of which the decoder has the text, which is copied.
func (u *rest3Upload) take(text []byte) {
	u.taken = true
	b, r := u.stream.add(rest3Note{}, len(text))
	if b == nil && u.goOn() { // What was refused is the piece before.
		b, r = u.stream.add(rest3Note{}, len(text))
	}
	if b == nil {
		u.refuse()
		return
	}
	start := len(b.Buffer)
	b.Buffer = append(b.Buffer, text...)
	u.fill(b, r, b.Buffer[start:])
}

// fill makes the newest record of the current piece, whose text is in the
// batch's buffer.
func (u *rest3Upload) fill(b *producer.Batch, r *kgo.Record, text []byte) {
	notes := u.stream.current.notes
	notes[len(notes)-1] = u.records.add(b, r, text)
}

// refuse answers a record for which there is no room for a reason that passes,
// such as that Kafka is away.
func (u *rest3Upload) refuse() {
	err := u.stream.stopped
	if !u.goOn() {
		return // The stream ends with that answer.
	}
	u.stream.refuse(rest3Note{}, err)
}

// fail answers a record that is wrong before it was decoded.
func (u *rest3Upload) fail(err *producer.Error) {
	u.taken = true
	u.goOn()
	u.stream.refuse(rest3Note{}, u.writer.Refused(err))
}

// long reads a record that is longer than the decoder may hold, into a piece of
// its own, for which there is room before. One that is too long is read to its
// end and thrown away.
func (u *rest3Upload) long() error {
	start := bytes.TrimLeft(u.json.UnreadBuffer(), " \t\r\n")
	if len(start) == 0 { // It was white space.
		u.json.Reset(u)
		return nil
	}
	p := u.stream.detach(u.most)
	if p == nil && u.goOn() { // What was refused is the piece before.
		p = u.stream.detach(u.most)
	}
	refused := u.stream.stopped
	if p == nil && !u.goOn() {
		return nil
	}
	u.stream.hurry(timeFor(int64(u.most)))
	defer u.stream.hurry(0)
	p, err := u.readLong(p, start)
	if err != nil {
		return err
	}
	u.json.Reset(u)
	switch {
	case p != nil:
		return u.takeLong(p)
	case refused != nil:
		u.taken = true
		u.stream.refuse(rest3Note{}, refused)
	default:
		u.fail(producer.Refusal(producer.TooLarge, "the record is over the limit of "+strconv.Itoa(u.most)+" bytes of JSON"))
	}
	return nil
}

// readLong reads to the end of a record, and keeps it while there is a piece to
// keep it in; that piece is dropped when it is full or when there is an error.
func (u *rest3Upload) readLong(p *piece[rest3Note], text []byte) (*piece[rest3Note], error) {
	drop := func() {
		if p != nil {
			u.stream.drop(p)
			p = nil
		}
	}
	var object objectEnd
	for fromBody := false; ; fromBody = true {
		n, ended := object.scan(text)
		switch {
		case p == nil:
		case len(p.batch.Buffer)+n > u.most:
			drop()
		default:
			p.batch.Buffer = append(p.batch.Buffer, text[:n]...)
		}
		if fromBody {
			_, _ = u.in.Discard(n) // They are there.
		}
		if ended {
			return p, nil
		}
		if _, err := u.in.Peek(1); err != nil {
			drop()
			if errors.Is(err, io.EOF) {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, u.bodyError(err)
		}
		text, _ = u.in.Peek(u.in.Buffered())
	}
}

// takeLong adds the record that has the piece for itself.
func (u *rest3Upload) takeLong(p *piece[rest3Note]) error {
	text := p.batch.Buffer
	u.records.open(text)
	if _, err := u.records.json.ReadValue(); err != nil {
		u.stream.drop(p)
		return err
	}
	u.taken = true
	u.stream.attach(p)
	b, r := u.stream.add(rest3Note{}, 0)
	u.fill(b, r, text)
	return nil
}

// objectEnd finds the end of a JSON object in a text that comes in parts. What
// it finds in a text that is not valid JSON has no meaning.
type objectEnd struct {
	depth           int
	quoted, escaped bool
}

// scan looks through the next part. It returns how much of it belongs to the
// object, and whether that is the end.
func (o *objectEnd) scan(part []byte) (n int, ended bool) {
	for i, c := range part {
		switch {
		case o.escaped:
			o.escaped = false
		case o.quoted:
			o.escaped = c == '\\'
			o.quoted = c != '"'
		case c == '"':
			o.quoted = true
		case c == '{' || c == '[':
			o.depth++
		case c == '}' || c == ']':
			o.depth--
			if o.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(part), false
}

// badJSON is the error of a text that is not JSON, or not strictly: after it
// the dialect's streams end.
func badJSON(err error) *rest3Fault {
	reason := err.Error()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason = syntax.Err.Error()
		const most = 100
		if near := syntax.JSONPointer.LastToken(); near != "" && len(near) <= most {
			reason += " (at " + strconv.Quote(near) + ")"
		}
	}
	return badRecord("Bad Request: Error processing JSON: " + reason)
}
