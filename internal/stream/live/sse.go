package live

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// writePatience is how long a client may take to read what is sent in one
	// piece, of about writePiece at most.
	writePatience = 30 * time.Second
	writePiece    = 64 << 10
	// retry is when a client is to come again whose stream has ended, half as
	// much more or less.
	retry = 2 * time.Second
)

// sse writes Server-Sent Events, as the HTML standard describes them.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	room    int // what may be written until the deadline moves on
	line    []byte
	cut     atomic.Bool
}

var errCut = errors.New("the client did not read, and was cut off")

// Cut implements stream.Sink.
func (s *sse) Cut() {
	s.cut.Store(true)
	// Where there are no deadlines there is no connection either.
	_ = s.control.SetWriteDeadline(time.Now())
}

// newSSE begins the answer. The status is 200 whatever follows, since a
// browser's EventSource gives up for ever on any other.
func newSSE(w http.ResponseWriter) *sse {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &sse{w: w, control: http.NewResponseController(w)}
}

func (s *sse) write(p []byte) error {
	if s.room -= len(p); s.room <= 0 {
		// Where there are no deadlines there is no connection either.
		_ = s.control.SetWriteDeadline(time.Now().Add(writePatience))
		s.room = writePiece
	}
	if s.cut.Load() { // Asked behind the deadline, which would undo that of Cut.
		return errCut
	}
	_, err := s.w.Write(p)
	return err
}

// Frames implements stream.Sink.
func (s *sse) Frames(all []byte, _ []int) error { return s.write(all) }

// Frame implements stream.Sink.
func (s *sse) Frame(head, body []byte) error {
	if err := s.write(head); err != nil {
		return err
	}
	return s.write(body)
}

// Event implements stream.Sink.
func (s *sse) Event(name, id string, data []byte) error {
	s.line = s.line[:0]
	if name == "ready" || name == "bye" {
		s.line = append(s.line, "retry: "...)
		s.line = strconv.AppendInt(s.line, (retry/2 + rand.N(retry)).Milliseconds(), 10) //nolint:gosec // G404: it spreads, and hides nothing.
		s.line = append(s.line, '\n')
	}
	s.line = append(append(append(s.line, "event: "...), name...), '\n')
	if id != "" {
		s.line = append(append(append(s.line, "id: "...), id...), '\n')
	}
	s.line = append(append(append(s.line, "data: "...), data...), "\n\n"...)
	return s.write(s.line)
}

// Beat implements stream.Sink: a comment, which readers pass over.
func (s *sse) Beat() error { return s.write([]byte(":\n\n")) }

// Flush implements stream.Sink.
func (s *sse) Flush() error {
	s.room = 0
	return s.control.Flush()
}
