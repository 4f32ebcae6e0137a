package load

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// Stream is one upload of many lines, a record each, in chunks of about 64 KiB,
// as fast as the gateway takes them. The answer comes at its end.
type Stream struct {
	Target // Request is not used
	Head   Head
	// Line is a record, and ID where its id stands.
	Line []byte
	ID   int
	// Warm lines go in an upload before the one that is measured, on the same
	// connection.
	Warm, Lines int64
	// Check looks at the answer to an upload of so many lines.
	Check func(body []byte, lines int64) error
}

const linesPerChunk = 640

// upload is a connection with the parts of a chunk.
type upload struct {
	*conn
	stream Stream
	chunk  []byte // size, lines, line end
	first  int    // where the lines begin in chunk
}

// Run runs it.
func (s Stream) Run(ctx context.Context) (Result, error) {
	c, err := dial(ctx, s.Target, 0, 4*patience)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = c.Close() }() // All was read.
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	u := &upload{conn: c, stream: s}
	if s.Warm > 0 {
		if err := u.send(s.Warm); err != nil {
			return Result{}, err
		}
	}
	before, err := s.Meter()
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	if err := u.send(s.Lines); err != nil {
		return Result{}, err
	}
	elapsed := time.Since(begin)
	after, err := s.Meter()
	return Result{
		Requests: 1, Records: s.Lines, Elapsed: elapsed, CPU: after - before,
		Latencies: []time.Duration{elapsed}, Acked: map[int]int64{c.sender: c.acked},
	}, err
}

// send uploads so many lines and waits for the answer.
func (u *upload) send(lines int64) error {
	answered := make(chan struct{})
	var answer response
	var failed error
	go func() { // Ends with the answer, or when the connection is closed.
		defer close(answered)
		answer, failed = u.in.next()
	}()
	sent := u.write(lines, answered)
	if sent != nil {
		// The answer, if there is one, says more than a pipe that is broken.
		_ = u.SetReadDeadline(time.Now().Add(time.Second))
	}
	<-answered
	switch {
	case failed == nil && answer.status != 200:
		return &StatusError{Status: answer.status, Body: string(answer.body)}
	case sent != nil:
		return fmt.Errorf("upload: %w", sent)
	case failed != nil:
		return failed
	}
	if err := u.stream.Check(answer.body, lines); err != nil {
		return err
	}
	u.acked += lines
	return nil
}

// write writes the request, unless it is answered before its end.
func (u *upload) write(lines int64, answered <-chan struct{}) error {
	head := u.stream.Head.lines() + "Transfer-Encoding: chunked\r\n\r\n"
	if _, err := u.Write([]byte(head)); err != nil {
		return err
	}
	for done := int64(0); done < lines; {
		n := min(linesPerChunk, lines-done)
		u.layOut(int(n))
		step := len(u.stream.Line) + 1
		for i := range n {
			PutID(u.chunk[u.first+int(i)*step+u.stream.ID:], u.sender, u.acked+done+i)
		}
		select {
		case <-answered:
			return fmt.Errorf("answered after %d lines of %d", done, lines)
		default:
		}
		if _, err := u.Write(u.chunk); err != nil {
			return err
		}
		done += n
	}
	_, err := u.Write([]byte("0\r\n\r\n"))
	return err
}

// layOut makes a chunk of n lines, unless the last one was such.
func (u *upload) layOut(n int) {
	line := append(bytes.Clone(u.stream.Line), '\n')
	size := fmt.Appendf(nil, "%x\r\n", n*len(line))
	if len(u.chunk) == len(size)+n*len(line)+len(lineEnd) {
		return
	}
	u.first = len(size)
	u.chunk = append(append(size, bytes.Repeat(line, n)...), lineEnd...)
}
