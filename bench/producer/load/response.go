package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// response is an answer. Its body is valid until the next one is read.
type response struct {
	status int
	body   []byte
}

// responseReader reads answers off a connection. It knows as much of HTTP/1.1
// as servers answer a POST with: a length or chunks. An answer that arrives
// whole costs one read and no memory.
type responseReader struct {
	src        io.Reader
	buf        []byte
	start, end int
	chunks     []byte // the body that came in chunks
}

var (
	lineEnd = []byte("\r\n")
	headEnd = []byte("\r\n\r\n")
)

// maxResponse bounds what is kept of one answer.
const maxResponse = 16 << 20

// next reads one answer, leaving out interim ones (1xx).
func (r *responseReader) next() (response, error) {
	for {
		head, err := r.until(headEnd)
		if err != nil {
			return response{}, err
		}
		status, length, err := parseHead(head)
		if err != nil {
			return response{}, err
		}
		if status < 200 {
			continue
		}
		a := response{status: status}
		if length == chunked {
			a.body, err = r.dechunk()
		} else {
			a.body, err = r.take(length)
		}
		return a, err
	}
}

// chunked stands for a length that is told chunk by chunk.
const chunked = -1

// parseHead reads the status and the body's length.
func parseHead(head []byte) (status, length int, err error) {
	line, rest, _ := bytes.Cut(head, lineEnd)
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("%q is not the status line of an HTTP/1.1 answer", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, fmt.Errorf("%q has no status", line)
	}
	known := status < 200 || status == 204
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 || length > maxResponse {
				return 0, 0, fmt.Errorf("%q is not a length that is taken", line)
			}
			known = true
		case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return 0, 0, fmt.Errorf("%q is not a transfer encoding that is taken", line)
			}
			return status, chunked, nil
		}
	}
	if !known {
		return 0, 0, errors.New("the answer does not tell its length")
	}
	return status, length, nil
}

// dechunk reads a body that comes in chunks, trailers included.
func (r *responseReader) dechunk() ([]byte, error) {
	r.chunks = r.chunks[:0]
	for {
		line, err := r.until(lineEnd)
		if err != nil {
			return nil, err
		}
		digits, _, _ := bytes.Cut(bytes.TrimSuffix(line, lineEnd), []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil || len(r.chunks)+int(size) > maxResponse {
			return nil, fmt.Errorf("%q is not the size of a chunk that is taken", line)
		}
		if size == 0 {
			break
		}
		data, err := r.take(int(size) + len(lineEnd))
		if err != nil {
			return nil, err
		}
		r.chunks = append(r.chunks, data[:size]...)
	}
	for { // Trailers, up to an empty line.
		line, err := r.until(lineEnd)
		if err != nil || len(line) == len(lineEnd) {
			return r.chunks, err
		}
	}
}

// until returns what comes up to the end of sep.
func (r *responseReader) until(sep []byte) ([]byte, error) {
	for {
		if i := bytes.Index(r.buf[r.start:r.end], sep); i >= 0 {
			found := r.buf[r.start : r.start+i+len(sep)]
			r.start += len(found)
			return found, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// take returns the next n bytes.
func (r *responseReader) take(n int) ([]byte, error) {
	for r.end-r.start < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	taken := r.buf[r.start : r.start+n]
	r.start += n
	return taken, nil
}

// fill reads once. What was returned before is no longer valid.
func (r *responseReader) fill() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) > maxResponse {
			return errors.New("the answer is too large")
		}
		r.buf = append(r.buf, make([]byte, max(4<<10, len(r.buf)))...)
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) && r.end > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}
