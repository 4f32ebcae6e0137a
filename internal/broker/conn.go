package broker

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxRequest is Kafka's own limit, socket.request.max.bytes.
	maxRequest = 100 << 20
	// headSize is the part of a request that tells whether it is one: its
	// size, key, version and correlation id.
	headSize = 4 + 2 + 2 + 4
)

// errNotKafka ends a connection that does not speak Kafka's protocol.
var errNotKafka = errors.New("not a request of Kafka's protocol")

// clientConn looks at the head of every request before kfake does, because
// kfake believes it: it allocates whatever size is announced (the first bytes
// of an HTTP request announce more than a gigabyte) and panics, which ends
// this process, at a key that it has never heard of. Reads come from one
// goroutine at a time.
type clientConn struct {
	net.Conn
	received *meter
	log      *slog.Logger
	head     [headSize]byte
	pending  []byte // of head, not yet given on
	body     int    // bytes of the request that follow the head
}

// Read implements net.Conn.
func (c *clientConn) Read(p []byte) (int, error) {
	if len(c.pending) == 0 && c.body == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.body)])
	c.body -= n
	c.received.add(n)
	return n, err
}

// next reads and checks the head of the next request.
func (c *clientConn) next() error {
	if _, err := io.ReadFull(c.Conn, c.head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(c.head[:4])
	key := int16(binary.BigEndian.Uint16(c.head[4:6])) //nolint:gosec // the protocol's own representation
	if size < headSize-4 || size > maxRequest || kmsg.RequestForKey(key) == nil {
		c.log.Warn("connection closed: it does not speak Kafka's protocol", slog.String("remote", c.RemoteAddr().String()))
		return errNotKafka
	}
	c.pending, c.body = c.head[:], int(size)-(headSize-4)
	return nil
}

// meter counts bytes and says when a given amount more has come in.
type meter struct {
	every int64
	count atomic.Int64
	full  chan struct{}
}

// newMeter reports on full each time that so many bytes were added, or never
// when every is 0.
func newMeter(every int64) *meter { return &meter{every: every, full: make(chan struct{}, 1)} }

func (m *meter) add(n int) {
	if m.every == 0 || m.count.Add(int64(n)) < m.every {
		return
	}
	m.count.Store(0)
	select {
	case m.full <- struct{}{}:
	default: // nobody has looked since the last time
	}
}
