package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// acceptPause is waited after a connection could not be accepted, for example
// because the process has no file descriptor left.
const acceptPause = 50 * time.Millisecond

// listener binds one address and tells clients another: kfake advertises what
// Addr returns. Connections wait until it is opened.
type listener struct {
	net.Listener
	advertised address
	received   *meter
	log        *slog.Logger
	opened     chan struct{}
	closed     chan struct{}
	close      func() error
}

// address is a host:port as clients are told it.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

func listen(cfg Config, received *meter, log *slog.Logger) (*listener, error) {
	var lc net.ListenConfig
	inner, err := lc.Listen(context.Background(), "tcp", cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, port, _ := net.SplitHostPort(cfg.Listen)
		return nil, fmt.Errorf("broker.listen: port %s of %q is already in use: stop what uses it, or choose another with --broker-listen: %w", port, host, err)
	}
	if err != nil {
		return nil, fmt.Errorf("broker.listen: cannot listen on %q; choose another address with --broker-listen: %w", cfg.Listen, err)
	}
	l := &listener{
		Listener:   inner,
		advertised: address(inner.Addr().String()),
		received:   received,
		log:        log,
		opened:     make(chan struct{}),
		closed:     make(chan struct{}),
	}
	if host, port, err := splitAddress(cfg.Advertise); err == nil {
		if tcp, ok := inner.Addr().(*net.TCPAddr); ok && port == 0 {
			port = tcp.Port
		}
		l.advertised = address(net.JoinHostPort(host, strconv.Itoa(port)))
	}
	l.close = sync.OnceValue(func() error {
		close(l.closed)
		return inner.Close()
	})
	return l, nil
}

// open lets clients in; those that came early have been waiting.
func (l *listener) open() { close(l.opened) }

// Accept waits for the next connection. Unlike net's, it fails only when the
// listener is closed: kfake would stop listening at the first error.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.opened:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			return &clientConn{Conn: conn, received: l.received, log: l.log}, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		l.log.Warn("connection to the embedded broker not accepted", slog.String("error", err.Error()))
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(acceptPause):
		}
	}
}

// Addr is the advertised address.
func (l *listener) Addr() net.Addr { return l.advertised }

// Close may be called more than once.
func (l *listener) Close() error { return l.close() }

// dial connects to the listener from within the process, whatever name it
// advertises.
func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", l.Listener.Addr().String())
}
