package live

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// corkedWriter has the connection taken over with a cork in it.
type corkedWriter struct {
	http.ResponseWriter
	pieces *pieces
	cork   *cork // once it was taken over
}

// Unwrap is for http.ResponseController.
func (w *corkedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker.
func (w *corkedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.cork = &cork{Conn: conn, pieces: w.pieces}
	// The writer joins no more than a frame's head to its body: the cork does
	// the rest, with a buffer that no idle client has.
	return w.cork, bufio.NewReadWriter(buffers.Reader, bufio.NewWriterSize(w.cork, 16)), nil
}

// cork holds back what is written while somebody has more to write, because
// the WebSocket would send each message by itself. What does not come while it
// holds back goes out at once, such as a ping, with all that was held.
type cork struct {
	net.Conn
	pieces *pieces

	mu      sync.Mutex
	holding bool
	held    []byte
}

// hold has what is written held back from now on, or no longer. It does not
// send: send does.
func (c *cork) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = on
}

// Write implements net.Conn.
func (c *cork) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	written := len(p)
	for len(p) > 0 {
		if c.held == nil {
			c.held = c.pieces.get()
		}
		n := min(len(p), cap(c.held)-len(c.held))
		c.held, p = append(c.held, p[:n]...), p[n:]
		if len(c.held) == cap(c.held) {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
	}
	if c.holding {
		return written, nil
	}
	return written, c.flush()
}

// send sends what is held.
func (c *cork) send() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flush()
}

// flush sends what is held; c.mu is held. A client has writePatience to read it.
func (c *cork) flush() error {
	if len(c.held) == 0 {
		return nil
	}
	// A connection without deadlines is one of a test.
	_ = c.SetWriteDeadline(time.Now().Add(writePatience))
	_, err := c.Conn.Write(c.held)
	c.pieces.put(c.held)
	c.held = nil
	return err
}
