// Package dialect holds the wire formats of service A. Each translates HTTP
// requests to the writer's records and the writer's outcomes to answers, and
// decides nothing else. A new dialect is a new file.
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
	// entryRoom is what a request is charged beside its body.
	entryRoom = 1 << 10
	// firstRoom is what a body of unknown length is charged before the first
	// byte is read; then what it holds is doubled as long as there is room.
	firstRoom = 16 << 10
	// drainFor bounds the reading of a body that is not wanted.
	drainFor = 2 * time.Second
)

// admit takes room for the request and reads its body into the entry's buffer,
// in that order. The caller releases the entry unless there is a problem.
func admit(w *producer.Writer, r *http.Request, limit units.Bytes) (*producer.Entry, *httpserver.Problem) {
	room := r.ContentLength
	if room > int64(limit) {
		return nil, tooLarge(limit)
	}
	if room < 0 {
		room = firstRoom
	}
	e, err := w.Admit(room + entryRoom)
	if err != nil {
		return nil, problem(err)
	}
	if p := readBody(r, e, room, int64(limit)); p != nil {
		e.Release()
		return nil, p
	}
	return e, nil
}

// readBody reads to the end of the body, into the room bytes that were charged
// and, where the length was not known, into more that is charged first.
func readBody(r *http.Request, e *producer.Entry, room, limit int64) *httpserver.Problem {
	buffer := sized(e.Buffer[:0], room)
	for {
		n, err := r.Body.Read(buffer[len(buffer):room])
		buffer = buffer[:int64(len(buffer))+int64(n)]
		e.Buffer = buffer
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return refusal(http.StatusBadRequest, "the request body was cut off or came too slowly")
		case int64(len(buffer)) < room:
			continue
		case int64(len(buffer)) == r.ContentLength:
			return nil
		}
		if room >= limit {
			// One byte more is one too many, and none is the end.
			if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 {
				return tooLarge(units.Bytes(limit))
			}
			return nil
		}
		// Both buffers are held while one is copied to the other.
		more := min(2*room, limit)
		if err := e.Grow(more); err != nil {
			return problem(err)
		}
		buffer = append(make([]byte, 0, more), buffer...)
		e.Shrink(room)
		room = more
	}
}

// sized returns an empty buffer with at least n bytes of capacity.
func sized(buffer []byte, n int64) []byte {
	if int64(cap(buffer)) >= n {
		return buffer
	}
	return make([]byte, 0, n)
}

func tooLarge(limit units.Bytes) *httpserver.Problem {
	return refusal(http.StatusRequestEntityTooLarge, "the request body is over the limit of "+strconv.FormatInt(int64(limit), 10)+" bytes")
}

// refuse answers a request whose body may not have been read. What is left of
// a body is read and thrown away for a short while: a client that is still
// sending when the connection closes sees a reset instead of the answer.
func refuse(w http.ResponseWriter, r *http.Request, p *httpserver.Problem) {
	control := http.NewResponseController(w)
	if r.Body == http.NoBody || r.Header.Get("Expect") != "" || r.ProtoMajor != 1 {
		p.Write(w)
		return
	}
	// Without full duplex the server ends the body at the first flush.
	_ = control.EnableFullDuplex() // Where it cannot be had, the server drains a little by itself.
	p.Write(w)
	_ = control.Flush()
	_ = control.SetReadDeadline(time.Now().Add(drainFor))
	_, _ = io.Copy(io.Discard, r.Body) // An error ends the drain as its end does.
}
