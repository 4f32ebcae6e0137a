package dialect

import (
	"bufio"
	"errors"
	"io"
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// rest3Buffer is what is read of the body at once, and how much of a record
	// the decoder may hold; a longer one gets a piece of its own.
	rest3Buffer = 32 << 10
	// rest3Room is what a stream takes beside its pieces: the buffer, the
	// decoder's, which is up to twice as large as what it holds, and the rest.
	rest3Room = 3*rest3Buffer + streamRoom
	// rest3Structure is what a record's JSON may have beside its data.
	rest3Structure = 16 << 10
)

// Stream takes records as JSON objects that follow each other, for as long as
// the client sends them, and answers each with an object of its own, in order.
func (d *REST3) Stream(w http.ResponseWriter, r *http.Request) {
	c, topic, ok := d.begin(w, r)
	if !ok {
		return
	}
	own, err := c.writer.Admit(nil, rest3Room) // Not from the share: see NDJSON.
	if err != nil {
		refuseRest3(c, problem(err))
		return
	}
	defer own.Release()
	limits := c.writer.Config().Limits
	u := &rest3Upload{
		call:    c,
		answers: newRest3Answerer(r.PathValue("cluster"), topic),
		records: newRest3Decoder(c.writer),
		// As base64; and a record must find room for itself.
		most: min(int(limits.Record)/3*4+rest3Structure, int(limits.InFlight)/2),
	}
	u.run(topic, own)
}

// rest3Upload is one stream of records.
type rest3Upload struct {
	*call
	answers rest3Answerer
	records *rest3Decoder
	most    int // bytes of a record's JSON

	stream *stream[rest3Note]
	in     *bufio.Reader
	json   *jsontext.Decoder // of in, by Read
	held   int               // bytes that the decoder has and that are no record yet
	failed error             // why the body could not be read further, but for its end
	taken  bool              // a record was read
}

// run reads to the end of the body. The stream's own room is held by a batch
// that is never submitted.
func (u *rest3Upload) run(topic string, own *producer.Batch) {
	u.answer.Header()["Content-Type"] = jsonType
	u.stream = newStream(u.call, topic, u.results)
	var end *rest3Fault
	body, closeBody, refused := u.decoded(own, rest3Body{u})
	if refused == nil {
		u.in = bufio.NewReaderSize(body, rest3Buffer)
		u.json = jsontext.NewDecoder(u)
		end = u.end(u.read())
		closeBody()
	}
	u.stream.finish()
	switch {
	case refused != nil:
		refuseRest3(u.call, u.unreadable(refused))
	case end != nil:
		// It is the answer to the record that was not read.
		u.unread(func() { u.stream.send(append(end.append(nil), "\r\n"...), true) })
	case !u.taken:
		refuseRest3(u.call, refusal(http.StatusUnprocessableEntity, "the body holds no record"))
	}
}

// unreadable is the answer where the body's encoding could not be read from its
// start.
func (u *rest3Upload) unreadable(p *httpserver.Problem) *httpserver.Problem {
	if u.writer.Streams().Err() != nil {
		return problem(drained())
	}
	return p
}

// read takes record after record, until the end or an error of the body.
func (u *rest3Upload) read() error {
	for u.goOn() {
		if kind := u.json.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
			return errNotAnObject
		}
		text, err := u.json.ReadValue()
		switch {
		case errors.Is(err, errLong):
			err = u.long()
		case err == nil:
			u.take(text)
		}
		if err != nil {
			return err
		}
		u.held = len(u.json.UnreadBuffer())
	}
	return nil
}

var (
	errNotAnObject = errors.New("a record must be an object")
	errLong        = errors.New("the record does not fit into the decoder's buffer")
)

// Read feeds the decoder, until it holds as much as it may.
func (u *rest3Upload) Read(p []byte) (int, error) {
	if u.held >= rest3Buffer {
		return 0, errLong
	}
	n, err := u.in.Read(p[:min(len(p), rest3Buffer-u.held)])
	u.held += n
	return n, u.bodyError(err)
}

// bodyError remembers an error that is the body's, for the decoder wraps it.
func (u *rest3Upload) bodyError(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		u.failed = err
	}
	return err
}

// end is the error by which the stream ends, nil where all of it was read.
func (u *rest3Upload) end(err error) *rest3Fault {
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case u.stream.stopped != nil:
		return rest3Outcome(u.stream.stopped)
	case u.writer.Streams().Err() != nil:
		return rest3Outcome(drained())
	case u.failed != nil:
		return badRecord(u.cutOff(u.failed).Detail)
	}
	return badJSON(err)
}

// results answers the records of a piece.
func (u *rest3Upload) results(dst []byte, p *piece[rest3Note]) []byte {
	for i := range p.notes {
		note := &p.notes[i]
		if place, err := p.result(i); err != nil {
			dst = note.faultOf(err).append(dst)
		} else {
			dst = append(u.answers.appendWritten(append(dst, '{'), note, place), '}')
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// rest3Body is the request's body.
type rest3Body struct{ *rest3Upload }

// Read submits what has been read, before it may block.
func (b rest3Body) Read(p []byte) (int, error) {
	b.stream.flush()
	b.goOn()
	return b.stream.Read(p)
}

// goOn goes on reading where a piece was refused and the next one need not be:
// the dialect answers every record of a client that goes on sending. It reports
// whether it does.
func (u *rest3Upload) goOn() bool {
	err := u.stream.stopped
	if err == nil || u.stream.ctx.Err() != nil {
		return err == nil
	}
	switch err.Reason {
	case producer.Away, producer.NoTopic, producer.Forbidden:
		u.stream.stopped = nil
		return true
	default:
		return false
	}
}
