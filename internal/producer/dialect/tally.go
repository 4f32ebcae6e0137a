package dialect

import (
	"net/http"
	"strconv"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
)

// tally counts what became of the lines of an upload.
type tally struct {
	written, failed, unknown int
	errors                   []lineError // the first maxErrors
	first                    *producer.Error
	mixed                    bool // there are failures for several reasons
}

// maxErrors is how many failures the summary lists.
const maxErrors = 100

type lineError struct {
	line int
	err  *producer.Error
}

func (t *tally) add(line int, err *producer.Error) {
	switch {
	case err == nil:
		t.written++
		return
	case err.Outcome == producer.Unknown:
		t.unknown++
	default:
		t.failed++
	}
	if t.first == nil {
		t.first = err
	}
	t.mixed = t.mixed || t.first.Reason != err.Reason || t.first.Detail != err.Detail && err.Reason == producer.Invalid
	if len(t.errors) < maxErrors {
		t.errors = append(t.errors, lineError{line, err})
	}
}

// results counts a piece, and writes its results where they were asked for.
func (u *upload) results(dst []byte, p *piece[int]) []byte {
	for i, line := range p.notes {
		place, err := p.result(i)
		u.add(line, err)
		if !u.each {
			continue
		}
		if err != nil {
			dst = appendLineError(dst, line, err)
		} else {
			dst = append(dst, `{"line":`...)
			dst = strconv.AppendInt(dst, int64(line), 10)
			dst = append(dst, `,"partition":`...)
			dst = strconv.AppendInt(dst, int64(place.Partition), 10)
			dst = append(dst, `,"offset":`...)
			dst = strconv.AppendInt(dst, place.Offset, 10)
			dst = append(dst, '}')
		}
		dst = append(dst, '\n')
	}
	return dst
}

// answer ends the request: with the summary, or with the plain error where
// nothing was written and the reason is one.
func (u *upload) answer(c *call) {
	if u.each {
		end := func() { u.stream.send(append(u.summary(nil), '\n'), true) }
		if u.cut != nil {
			c.unread(end)
			return
		}
		end()
		return
	}
	if p := u.plain(); p != nil {
		c.refuse(p)
		return
	}
	status := http.StatusOK
	if u.failed+u.unknown > 0 || u.cut != nil {
		status = http.StatusMultiStatus
	}
	body := u.summary(nil)
	end := func() {
		h := c.answer.Header()
		h["Content-Type"] = jsonType
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
		c.answer.WriteHeader(status)
		_, _ = c.answer.Write(body) // A client that has gone is told nothing.
	}
	if u.cut != nil {
		c.unread(end)
		return
	}
	if c.closes { // It was not, and the answer has not begun.
		c.answer.Header().Del("Connection")
	}
	end()
}

// plain is the one reason why nothing was written, or nil.
func (u *upload) plain() *httpserver.Problem {
	err := u.first
	switch {
	case u.written+u.unknown > 0 || u.mixed:
		return nil
	case err == nil && u.cut == nil:
		return nil // There was nothing to write.
	case err == nil:
		err = u.cut
	case u.cut != nil && u.cut.Reason != err.Reason:
		return nil
	}
	p := problem(err)
	if err.Reason == producer.Invalid && (err == errMalformedLine || err == u.cut) {
		p = refusal(http.StatusBadRequest, err.Detail)
	}
	return p
}

// summary writes what became of all lines. Without "complete":true the lines
// from the one that it names were not taken.
func (u *upload) summary(dst []byte) []byte {
	dst = append(dst, `{"written":`...)
	dst = strconv.AppendInt(dst, int64(u.written), 10)
	dst = append(dst, `,"failed":`...)
	dst = strconv.AppendInt(dst, int64(u.failed), 10)
	dst = append(dst, `,"unknown":`...)
	dst = strconv.AppendInt(dst, int64(u.unknown), 10)
	dst = append(dst, `,"complete":`...)
	dst = strconv.AppendBool(dst, u.cut == nil)
	if u.cut != nil {
		dst = append(dst, `,"stopped":`...)
		dst = appendLineError(dst, u.taken+1, u.cut)
	}
	dst = append(dst, `,"errors":[`...)
	for i, e := range u.errors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLineError(dst, e.line, e.err)
	}
	return append(dst, `]}`...)
}

func appendLineError(dst []byte, line int, err *producer.Error) []byte {
	dst = append(dst, `{"line":`...)
	dst = strconv.AppendInt(dst, int64(line), 10)
	dst = append(dst, `,"error":`...)
	dst = appendString(dst, err.Detail)
	dst = append(dst, `,"written":"`...)
	dst = append(dst, err.Outcome...)
	return append(dst, `"}`...)
}

// appendString writes a text of ours as JSON.
func appendString(dst []byte, text string) []byte {
	quoted, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		// It contains what is not UTF-8, which was replaced.
		return quoted
	}
	return quoted
}

// uploadAnswer is the summary, for the schema.
type uploadAnswer struct {
	Written  int          `json:"written" doc:"Lines that Kafka has."`
	Failed   int          `json:"failed" doc:"Lines that are not in Kafka and never will be."`
	Unknown  int          `json:"unknown" doc:"Lines that may be in Kafka, or come later."`
	Complete bool         `json:"complete" doc:"Whether the whole body was read."`
	Stopped  *lineAnswer  `json:"stopped,omitempty" doc:"Why not, and the first line that was not taken; nothing from it on was handed over."`
	Errors   []lineAnswer `json:"errors" doc:"The first 100 lines that were not written."`
}

type lineAnswer struct {
	Line    int    `json:"line" doc:"From 1."`
	Error   string `json:"error"`
	Written string `json:"written" enum:"no,unknown"`
}

func (lines) describe(doc *httpserver.Doc) {
	doc.Query = append(doc.Query,
		httpserver.Param{Name: "key_path", Description: "NDJSON: a JSON Pointer (RFC 6901) to the key in each line."},
		httpserver.Param{Name: "results", Enum: []any{"each"}, Description: "NDJSON: a line per record while the upload runs, in order, and the summary as the last line."},
	)
	doc.Bodies["application/x-ndjson"] = nil
	doc.Bodies["application/jsonl"] = nil
	documentUpload(doc)
}
