package dialect

import (
	"fmt"
	"net/http"
	"strconv"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
)

// The error codes of the dialect that say more than the HTTP status.
const (
	rest2Unauthenticated = 40101
	rest2Forbidden       = 40301
	rest2NoTopic         = 40401
	rest2NoPartition     = 40402
	rest2NoKeySchema     = 42201
	rest2NoValueSchema   = 42202
	rest2Limited         = 42901
	rest2Refusal         = 50002 // of one record: for good
	rest2Retriable       = 50003 // of one record: it may be there, or may be sent again
	rest2Unavailable     = 50302
)

// rest2Error is the answer to a request of which nothing was written.
type rest2Error struct {
	status, code int
	message      string
	retryAfter   int // seconds; 0: not said
}

// rest2Wrong is the error of a request that is wrong by itself: the code is
// the status.
func rest2Wrong(status int, message string) *rest2Error {
	return &rest2Error{status: status, code: status, message: message}
}

// rest2Problem says what another part of service A has refused.
func rest2Problem(p *httpserver.Problem) *rest2Error {
	e := &rest2Error{status: p.Status, code: p.Status, message: p.Detail, retryAfter: p.RetryAfter}
	switch p.Status {
	case http.StatusUnauthorized:
		e.code = rest2Unauthenticated
	case http.StatusForbidden:
		e.code = rest2Forbidden
	case http.StatusTooManyRequests:
		e.code = rest2Limited
	case http.StatusServiceUnavailable:
		e.code = rest2Unavailable
	}
	for i, field := range p.Errors {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		e.message += separator + field.Location + " " + field.Message
	}
	return e
}

// rest2Refused is the one place that maps the writer's reasons to answers of
// the dialect that are of a whole request. It returns nil where the dialect
// says it of each record.
func rest2Refused(err *producer.Error) *rest2Error {
	e := &rest2Error{message: err.Detail}
	if err.Outcome != producer.NotWritten {
		return nil
	}
	switch err.Reason {
	case producer.NoTopic:
		e.status, e.code = http.StatusNotFound, rest2NoTopic
	case producer.NoPartition:
		e.status, e.code = http.StatusNotFound, rest2NoPartition
	case producer.Forbidden:
		e.status, e.code = http.StatusForbidden, rest2Forbidden
	case producer.Limited:
		e.status, e.code, e.retryAfter = http.StatusTooManyRequests, rest2Limited, retryAfter(err.RetryAfter)
	case producer.NotStarted, producer.Draining, producer.Busy, producer.Away, producer.Late:
		e.status, e.code, e.retryAfter = http.StatusServiceUnavailable, rest2Unavailable, retryAfter(err.RetryAfter)
	case producer.Invalid, producer.TooLarge, producer.Refused, producer.Failed:
		return nil
	}
	return e
}

// inPassing reports whether a record that was not written may be sent again as
// it is.
func inPassing(err *producer.Error) bool {
	e := rest2Refused(err)
	return e != nil && e.retryAfter > 0
}

// rest2Whole returns the error of the whole request if its records' results
// come to one: none of them is in Kafka, or may be, and they may be sent again
// together; or all of them ask for a topic or a partition that is not there,
// or that is closed to them.
func rest2Whole(b *producer.Batch) *rest2Error {
	var first, passing *producer.Error
	same := true
	for i := range b.Len() {
		_, err := b.Result(i)
		if err == nil || err.Outcome != producer.NotWritten {
			return nil
		}
		if first == nil {
			first = err
		}
		same = same && err.Reason == first.Reason
		if passing == nil && inPassing(err) {
			passing = err
		}
	}
	switch {
	case passing != nil:
		return rest2Refused(passing)
	case same && first != nil:
		return rest2Refused(first)
	}
	return nil
}

// write answers a request with the error.
func (e *rest2Error) write(w http.ResponseWriter, media string) {
	body := append(make([]byte, 0, 64+len(e.message)), `{"error_code":`...)
	body = strconv.AppendInt(body, int64(e.code), 10)
	body = append(body, `,"message":`...)
	body, _ = jsontext.AppendQuote(body, e.message) // What is not UTF-8 is replaced.
	body = append(body, '}')
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	w.WriteHeader(e.status)
	_, _ = w.Write(body) //nolint:gosec // G705: it is JSON, and says so. A client that has gone is told nothing.
}

// writeREST2 answers a request whose body has been read.
func (c *call) writeREST2(e *rest2Error) { e.write(c.answer, c.mediaREST2()) }

// refuseREST2 answers, and reads what is left of the body.
func (c *call) refuseREST2(e *rest2Error) {
	c.unread(func() { c.writeREST2(e) })
}

// mediaREST2 is the content type of the answer: the usual one also where the
// client takes none, since it has to be told that.
func (c *call) mediaREST2() string {
	media, ok := negotiate(c.request.Header["Accept"], rest2Media)
	if !ok {
		return rest2Media[0]
	}
	return media
}

func rest2Malformed(err error) *rest2Error {
	return rest2Wrong(http.StatusBadRequest, notJSON(err).Detail)
}

func rest2Unrecognized(name []byte) *rest2Error {
	const most = 100
	if len(name) > most {
		return rest2Wrong(http.StatusUnprocessableEntity, fmt.Sprintf("Unrecognized field: %s…", name[:most]))
	}
	return rest2Wrong(http.StatusUnprocessableEntity, fmt.Sprintf("Unrecognized field: %s", name))
}
