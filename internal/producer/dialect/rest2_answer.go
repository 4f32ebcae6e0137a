package dialect

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// rest2Chunk is the longest answer that is made whole before it is sent. A
	// longer one leaves in pieces of that size: what a request takes for its
	// answer does not grow with its records.
	rest2Chunk = 32 << 10
	// rest2Patience is how long a client may leave a piece unread, since its
	// records' room in the budget is held until it has its answer.
	rest2Patience = 30 * time.Second
)

var rest2Buffers = sync.Pool{New: func() any {
	buffer := make([]byte, 0, rest2Chunk+4<<10)
	return &buffer
}}

// answerREST2 says where each record is, or why it is not there, in their
// order.
func (c *call) answerREST2(b *producer.Batch) {
	pooled := rest2Buffers.Get().(*[]byte)
	buffer := *pooled
	defer func() {
		*pooled = buffer[:0]
		rest2Buffers.Put(pooled)
	}()
	h := c.answer.Header()
	h.Set("Content-Type", c.mediaREST2())
	buffer = append(buffer, `{"offsets":[`...)
	pieces := 0
	for i := range b.Len() {
		if i > 0 {
			buffer = append(buffer, ',')
		}
		buffer = appendREST2(buffer, b, i)
		if len(buffer) < rest2Chunk {
			continue
		}
		pieces++
		if !c.writePiece(buffer) {
			return
		}
		buffer = buffer[:0]
	}
	buffer = append(buffer, `],"key_schema_id":null,"value_schema_id":null}`...)
	if pieces > 0 {
		c.writePiece(buffer)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(buffer)))
	_, _ = c.answer.Write(buffer) //nolint:gosec // G705: it is JSON, and says so. A client that has gone is told nothing.
}

// writePiece sends a part of a long answer. It reports false when nobody reads
// it.
func (c *call) writePiece(piece []byte) bool {
	control := http.NewResponseController(c.answer)
	_ = control.SetWriteDeadline(time.Now().Add(rest2Patience)) // Not every server has one.
	_, err := c.answer.Write(piece)                             //nolint:gosec // G705: it is JSON, and says so.
	_ = control.SetWriteDeadline(time.Time{})
	return err == nil
}

// appendREST2 writes what became of a record.
func appendREST2(dst []byte, b *producer.Batch, i int) []byte {
	place, err := b.Result(i)
	if err == nil {
		dst = append(dst, `{"partition":`...)
		dst = strconv.AppendInt(dst, int64(place.Partition), 10)
		dst = append(dst, `,"offset":`...)
		dst = strconv.AppendInt(dst, place.Offset, 10)
		return append(dst, `,"error_code":null,"error":null}`...)
	}
	code, text := rest2Record(err)
	dst = append(dst, `{"partition":null,"offset":null,"error_code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"error":`...)
	dst, _ = jsontext.AppendQuote(dst, text) // What is not UTF-8 is replaced.
	return append(dst, '}')
}

// rest2Record is what the dialect says of one record that was not reported as
// written. Of the codes that it has, only one tells clients to send a record
// again: it is given to those that may be there, and say so, and to the rare
// one that was refused in passing beside others that were written.
func rest2Record(err *producer.Error) (code int, text string) {
	const unknown = "may have been written"
	switch {
	case err.Outcome == producer.NotWritten && inPassing(err):
		return rest2Retriable, err.Detail + "; it was not written and can be sent again"
	case err.Outcome == producer.NotWritten:
		return rest2Refusal, err.Detail
	case strings.Contains(err.Detail, unknown):
		return rest2Retriable, err.Detail
	}
	return rest2Retriable, err.Detail + "; it " + unknown
}
