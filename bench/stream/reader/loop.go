package reader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// loop reads many streams with one thread, by epoll(7), so that the readers
// take as little as possible of the machine that they share with what is
// measured.
type loop struct {
	epoll  int
	buffer []byte

	mu      sync.Mutex // held while a piece is taken
	clients map[int32]*client
	ages    histogram
	bytes   int64
	fresh   int64 // records of the piece
	now     int64 // when the piece was read, in nanoseconds since 1970

	// These are read while the loop is at work.
	ready    atomic.Int64
	messages atomic.Int64
	last     atomic.Int64 // when the last record was read
}

const (
	readBuffer = 256 << 10
	eventsMost = 256
	// lookUp is how often a loop sees whether it is to end.
	lookUp = 100 * time.Millisecond
)

func newLoop() (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{epoll: epoll, buffer: make([]byte, readBuffer), clients: map[int32]*client{}}, nil
}

// add reads a socket from now on.
func (l *loop) add(fd int, checked bool) error {
	l.mu.Lock()
	l.clients[int32(fd)] = newClient(fd, l, checked)
	l.mu.Unlock()
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// run reads until ctx ends, or a stream does or says what it should not.
func (l *loop) run(ctx context.Context) error {
	events := make([]unix.EpollEvent, eventsMost)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(l.epoll, events, int(lookUp.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if err := l.read(e.Fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes what a socket has, up to the buffer's size.
func (l *loop) read(fd int32) error {
	n, err := unix.Read(int(fd), l.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return errEnded
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.fresh = time.Now().UnixNano(), 0
	l.bytes += int64(n)
	if err := l.clients[fd].feed(l.buffer[:n]); err != nil {
		return err
	}
	if l.fresh > 0 {
		l.last.Store(l.now)
		l.messages.Add(l.fresh)
	}
	return nil
}

// close closes the sockets. The loop is not running any more.
func (l *loop) close() {
	for fd := range l.clients {
		_ = unix.Close(int(fd)) // All was read.
	}
	_ = unix.Close(l.epoll) // Nobody waits there.
}
