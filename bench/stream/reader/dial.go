package reader

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// dial opens a connection, sends the request for a stream, and returns a socket
// that does not block.
func dial(to netip.AddrPort, path string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("a socket: %w", err)
	}
	if err := ask(fd, to, path); err != nil {
		_ = unix.Close(fd) // err says more.
		return 0, err
	}
	return fd, nil
}

func ask(fd int, to netip.AddrPort, path string) error {
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + to.String() + "\r\nAccept: text/event-stream\r\n\r\n"
	if n, err := unix.Write(fd, []byte(request)); err != nil || n < len(request) {
		return fmt.Errorf("send a request: %w", err)
	}
	return unix.SetNonblock(fd, true)
}
