package dialect

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/internal/units"
)

const (
	// batchRoom is what a request is charged beside its body.
	batchRoom = 1 << 10
	// firstRoom is what a request is charged for its body, at most, before the
	// first byte is read. The rest of a long one is charged when this much has
	// come: a client that sends a byte a second does not hold the room of the
	// megabytes that it has announced.
	firstRoom = 16 << 10
	// slowest, in bytes a second, is how fast a body that holds more room must
	// come at least, after a start.
	slowest   = 64 << 10
	startTime = 5 * time.Second
)

// admit takes room for the request and reads its body into the batch's buffer,
// in that order. The caller releases the batch unless there is a problem.
func (c *call) admit() (*producer.Batch, *httpserver.Problem) {
	limit := int64(c.writer.Config().Limits.Body)
	size := c.request.ContentLength
	if c.encoding != "" {
		size = -1 // It is known of the encoded bytes only.
	}
	if size > limit {
		return nil, tooLarge(limit)
	}
	if size > firstRoom {
		// The answer that will be given when the rest is charged.
		if err := c.writer.Room(size); err != nil {
			return nil, problem(err)
		}
	}
	room := min(int64(firstRoom), limit)
	if size >= 0 {
		room = min(size, firstRoom)
	}
	b, err := c.writer.Admit(c.account(), room+batchRoom)
	if err != nil {
		return nil, problem(err)
	}
	if p := c.readBody(b, room, size, limit); p != nil {
		b.Release()
		return nil, p
	}
	return b, nil
}

// readBody reads to the end of the body, into the room that was charged and
// into more that is charged first. A size below zero is unknown.
func (c *call) readBody(b *producer.Batch, room, size, limit int64) *httpserver.Problem {
	body, closeBody, p := c.decoded(b, c.request.Body)
	if p != nil {
		return p
	}
	defer closeBody()
	buffer := sized(b.Buffer[:0], room)
	for {
		n, err := body.Read(buffer[len(buffer):room])
		buffer = buffer[:len(buffer)+n]
		b.Buffer = buffer
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.cutOff(err)
		case int64(len(buffer)) < room:
			continue
		case int64(len(buffer)) == size:
			return nil
		}
		if room >= limit {
			// One byte more is one too many, and none is the end.
			if n, _ := io.ReadFull(body, make([]byte, 1)); n > 0 {
				return tooLarge(limit)
			}
			return nil
		}
		more := size
		if size < 0 {
			more = min(2*room, limit)
		}
		// Both buffers are held while one is copied to the other.
		if err := b.Grow(more); err != nil {
			return problem(err)
		}
		buffer = append(make([]byte, 0, more), buffer...)
		b.Shrink(room)
		room = more
		httpserver.ExtendRead(c.answer, timeFor(room))
		c.extended = true
	}
}

// timeFor is how long the slowest client may take to send so many bytes.
func timeFor(bytes int64) time.Duration {
	return startTime + time.Duration(bytes)*time.Second/slowest
}

// sized returns an empty buffer with at least n bytes of capacity. It is never
// nil: a record without a value is not one whose value is empty.
func sized(buffer []byte, n int64) []byte {
	if buffer != nil && int64(cap(buffer)) >= n {
		return buffer
	}
	return make([]byte, 0, n)
}

func (c *call) cutOff(err error) *httpserver.Problem {
	if c.encoding != "" && !cut(err) {
		return refusal(http.StatusBadRequest, "the request body is not valid "+c.encoding)
	}
	return refusal(http.StatusBadRequest, "the request body was cut off or came too slowly")
}

func tooLarge(limit int64) *httpserver.Problem {
	return refusal(http.StatusRequestEntityTooLarge, "the request body is over the limit of "+strconv.FormatInt(limit, 10)+" bytes")
}

func recordTooLarge(limit units.Bytes) *producer.Error {
	return producer.Refusal(producer.TooLarge, "the record is over the limit of "+strconv.FormatInt(int64(limit), 10)+" bytes")
}
