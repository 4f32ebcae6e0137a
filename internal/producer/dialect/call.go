// Package dialect holds the wire formats of service A. Each translates HTTP
// requests to the writer's records and the writer's outcomes to answers, and
// decides nothing else. A new dialect is a new file.
package dialect

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"time"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/internal/telemetry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// call is one request on its way through a dialect: admitted, decoded, written
// and answered.
type call struct {
	writer    *producer.Writer
	answer    http.ResponseWriter
	request   *http.Request
	principal *access.Principal // nil for anybody
	encoding  string            // of the body's content: gzip, zstd or none
	timeout   time.Duration
	extended  bool // the deadline for reading is the body's own
	duplex    bool // it is answered while it is read
	begun     bool // the answer has begun
	closes    bool // the connection ends because the body might be broken
}

// longTimeout is the deadline of a request from which on its client would be
// taken for gone.
const longTimeout = 10 * time.Second

// newCall refuses what no dialect takes, before the body is read.
func newCall(writer *producer.Writer, w http.ResponseWriter, r *http.Request) (*call, *httpserver.Problem) {
	c := &call{writer: writer, answer: w, request: r, principal: access.From(r.Context()), timeout: writer.Config().Timeout}
	if r.Header.Get("Idempotency-Key") != "" {
		return c, refusal(http.StatusBadRequest, "idempotency keys are not supported: a repeat could write the record twice")
	}
	var p *httpserver.Problem
	c.encoding, p = contentEncoding(r)
	return c, p
}

// account is whose share of the in-flight budget the request uses.
func (c *call) account() producer.Account {
	if c.principal == nil {
		return nil
	}
	return c.principal
}

// may refuses a topic that the principal may not write to. It comes before the
// question whether the topic exists.
func (c *call) may(topic string) *producer.Error {
	if c.principal.May(access.Write, topic) {
		return nil
	}
	return c.writer.Refused(producer.Refusal(producer.Forbidden, "this principal may not write to topic "+topic))
}

// write checks who may, takes the batch from the rate limits, writes it and
// waits for its outcomes. A refusal is of all of it: nothing was handed over.
func (c *call) write(b *producer.Batch) *producer.Error {
	if c.extended || c.timeout > longTimeout {
		httpserver.ExtendRead(c.answer, 0) // The body was read; the answer may take longer.
	}
	if err := c.may(b.Topic); err != nil {
		return err
	}
	if wait := c.principal.Spend(b.Len(), int64(len(b.Buffer))); wait > 0 {
		err := producer.Refusal(producer.Limited, "the rate limit of this principal is used up")
		err.RetryAfter = wait
		return c.writer.Refused(err)
	}
	ctx, send := telemetry.StartSend(c.request.Context(), b.Topic)
	c.trace(ctx, b)
	err := c.writer.Write(ctx, b, c.timeout)
	if err != nil {
		send.End(err.Reason.String())
		return err
	}
	send.End("")
	return nil
}

// writeOne writes a batch of one record.
func (c *call) writeOne(b *producer.Batch) (producer.Place, *producer.Error) {
	if err := c.write(b); err != nil {
		return producer.Place{}, err
	}
	return b.Result(0)
}

// trace puts the trace that the request is part of into the records' headers.
func (c *call) trace(ctx context.Context, b *producer.Batch) {
	parent, state := telemetry.TraceContext(ctx, c.request.Header)
	if parent == "" {
		return
	}
	headers := []kgo.RecordHeader{{Key: "traceparent", Value: []byte(parent)}}
	if state != "" {
		headers = append(headers, kgo.RecordHeader{Key: "tracestate", Value: []byte(state)})
	}
	for i := range b.Len() {
		r := b.Record(i)
		if !hasHeader(r, "traceparent") {
			r.Headers = append(slices.Clip(r.Headers), headers...) // They may be shared.
		}
	}
}

func hasHeader(r *kgo.Record, name string) bool {
	for i := range r.Headers {
		if r.Headers[i].Key == name {
			return true
		}
	}
	return false
}

// refuse answers with a problem of our own endpoints, and reads what is left
// of the body.
func (c *call) refuse(p *httpserver.Problem) {
	c.unread(func() { p.Write(c.answer) })
}

// unread answers a request whose body may not have been read to its end.
func (c *call) unread(answer func()) {
	if !c.duplex || c.request.ProtoMajor != 1 {
		httpserver.AnswerUnread(c.answer, c.request, answer)
		return
	}
	begun := c.begun
	read := httpserver.AnswerInFullDuplex(c.answer, c.request, answer)
	if !read && begun && c.request.ContentLength >= 0 {
		// It is too late to say that the connection ends: it is cut off.
		panic(http.ErrAbortHandler) //nolint:forbidigo // The server's own way to end a connection.
	}
}

// json answers 200 with a body that is JSON.
func (c *call) json(body []byte) {
	c.answer.Header()["Content-Type"] = jsonType
	_, _ = c.answer.Write(body) //nolint:gosec // G705: it is JSON, and said to be. A client that has gone is told nothing.
}

var jsonType = []string{"application/json"}

// mediaType returns the content type without its parameters, in lower case; ""
// where there is none, and an error where it is malformed.
func mediaType(r *http.Request) (string, error) {
	value := r.Header.Get("Content-Type")
	if value == "" || value == "application/json" {
		return value, nil
	}
	media, _, err := mime.ParseMediaType(value)
	return media, err
}
