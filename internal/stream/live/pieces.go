package live

import (
	"net/http"
	"sync"
	"time"
)

// pieceBytes is how much is held back for a client of a WebSocket: large enough
// to make few calls, and small enough for thousands that do not read.
const pieceBytes = 16 << 10

// pieces are buffers of pieceBytes, which are used again.
type pieces struct{ pool sync.Pool }

func (p *pieces) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, pieceBytes)
}

func (p *pieces) put(b []byte) {
	if cap(b) == pieceBytes {
		p.pool.Put(&b)
	}
}

// writeAll writes an answer to a client that has as long as one piece may take
// to read all of it.
func writeAll(w http.ResponseWriter, parts ...[]byte) {
	// Where there are no deadlines there is no connection either.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePatience))
	for _, part := range parts {
		if _, err := w.Write(part); err != nil { //nolint:gosec // G705: it is JSON, and said to be.
			return // A client that has gone is told nothing.
		}
	}
}
