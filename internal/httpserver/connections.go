package httpserver

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// warnEvery is the least time between two log lines about connections that
// were closed because there are too many.
const warnEvery = 10 * time.Second

// connections are the open ones of a Server. What is over a limit is closed
// when it was accepted, never left to wait: a listener that does not accept is
// down for everybody.
type connections struct {
	most, perAddress int
	trusted          networks
	log              *slog.Logger

	// turns counts the times that a connection became idle: a clock that costs
	// a request nothing.
	turns atomic.Int64

	mu     sync.Mutex
	open   map[*connection]struct{}
	from   map[netip.Addr]int
	warned time.Time
	closed int // since then
}

func newConnections(c Config, trusted networks, log *slog.Logger) *connections {
	return &connections{
		most: c.Connections, perAddress: c.ConnectionsPerAddress, trusted: trusted, log: log,
		open: map[*connection]struct{}{}, from: map[netip.Addr]int{},
	}
}

// connection is an accepted one. It has all methods of what it wraps: the
// server half-closes it after its last answer, and handlers take it over.
type connection struct {
	*net.TCPConn
	all    *connections
	peer   netip.Addr
	closed sync.Once
	// idle is the turn at which it began to wait for its next request; 0 while
	// it does not.
	idle atomic.Int64
}

// Close closes the connection and makes room for another.
func (c *connection) Close() error {
	c.closed.Do(func() { c.all.remove(c) })
	return c.TCPConn.Close()
}

// listener gives the server the connections that are within the limits.
type listener struct {
	net.Listener
	all *connections
}

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := accepted.(*net.TCPConn)
		if !ok {
			return accepted, nil
		}
		if c := l.all.add(tcp); c != nil {
			return c, nil
		}
		_ = tcp.Close() // Nothing was said on it.
	}
}

// add takes a new connection in, at the cost of an idle one where there are too
// many, and returns nil where there is no room.
func (a *connections) add(tcp *net.TCPConn) *connection {
	c := &connection{TCPConn: tcp, all: a}
	if addr, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = addr.AddrPort().Addr().Unmap()
	}
	var longest *connection
	a.mu.Lock()
	switch {
	case a.perAddress > 0 && a.from[c.peer] >= a.perAddress && !a.trusted.contains(c.peer):
		a.mu.Unlock()
		a.warn("its address has too many", a.perAddress)
		return nil
	case a.most > 0 && len(a.open) >= a.most:
		if longest = a.longestIdle(); longest == nil {
			a.mu.Unlock()
			a.warn("there are too many, and none is idle", a.most)
			return nil
		}
	}
	a.open[c] = struct{}{}
	a.from[c.peer]++
	a.mu.Unlock()
	if longest != nil {
		_ = longest.Close() // It was idle.
		a.warn("there are too many, and it was idle", a.most)
	}
	return c
}

// longestIdle looks for the connection that is idle for longest, and takes it
// for closed: it is nobody else's to close. a.mu is held.
func (a *connections) longestIdle() *connection {
	var longest *connection
	var least int64
	for c := range a.open {
		if turn := c.idle.Load(); turn > 0 && (longest == nil || turn < least) {
			longest, least = c, turn
		}
	}
	if longest == nil || !longest.idle.CompareAndSwap(least, 0) {
		return nil // Its next request has just come.
	}
	return longest
}

func (a *connections) remove(c *connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, c)
	if a.from[c.peer]--; a.from[c.peer] == 0 {
		delete(a.from, c.peer)
	}
}

// changed is the server's ConnState.
func (a *connections) changed(conn net.Conn, state http.ConnState) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	c, ok := conn.(*connection)
	if !ok || state == http.StateNew || state == http.StateClosed {
		return // Close takes it out.
	}
	if state == http.StateIdle {
		c.idle.Store(a.turns.Add(1))
	} else {
		c.idle.Store(0)
	}
}

// warn logs, but not for every connection of a flood.
func (a *connections) warn(reason string, limit int) {
	a.mu.Lock()
	a.closed++
	now := time.Now()
	if now.Sub(a.warned) < warnEvery {
		a.mu.Unlock()
		return
	}
	closed := a.closed
	a.warned, a.closed = now, 0
	a.mu.Unlock()
	a.log.Warn("a connection was closed", slog.String("reason", reason), slog.Int("limit", limit), slog.Int("closed", closed))
}
