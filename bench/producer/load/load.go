// Package load sends records to a gateway over HTTP/1.1 and measures how it
// answers. It is lean, because it shares the machine with what it measures:
// plain connections, requests that are written out beforehand, answers of
// which only the length and the status are read. Every answer must be a 200;
// the first that is not ends the run.
//
// Each record carries an id, so that what was acknowledged can be looked for
// in Kafka. It knows nothing of Kafka, nor of the gateways.
package load

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Target is what load is put on.
type Target struct {
	Address string
	Request *Request
	// Check looks at the body of a 200 that may yet tell of failed records;
	// nil where there is none such.
	Check func(body []byte) error
	// Meter tells the processor time that the gateway has used so far.
	Meter func() (time.Duration, error)
}

// Result is what was measured.
type Result struct {
	// Requests and Records are those answered within Elapsed, in which the
	// gateway used CPU of processor time.
	Requests, Records int64
	Elapsed, CPU      time.Duration
	// Latencies of these requests, in order of size.
	Latencies []time.Duration
	// Acked is how many records of each sender were acknowledged, warm-up
	// included: those with the numbers below it.
	Acked map[int]int64
}

// StatusError is an answer other than 200.
type StatusError struct {
	Status int
	Body   string
}

// Error tells the answer.
func (e *StatusError) Error() string { return fmt.Sprintf("answered %d: %s", e.Status, e.Body) }

// conn is a connection with the sender that uses it.
type conn struct {
	net.Conn
	target  Target
	in      responseReader
	request *Request
	sender  int
	acked   int64
}

// dial opens a connection that fails by itself when the run is over for long.
func dial(ctx context.Context, t Target, sender int, patience time.Duration) (*conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		_ = nc.Close() // Never used.
		return nil, err
	}
	c := &conn{Conn: nc, target: t, sender: sender, in: responseReader{src: nc}}
	if t.Request != nil {
		c.request = t.Request.clone()
	}
	return c, nil
}

// send writes the next request.
func (c *conn) send() error {
	c.request.stamp(c.sender, c.acked)
	_, err := c.Write(c.request.raw)
	return err
}

// receive reads the answer to a request, and counts its records.
func (c *conn) receive() error {
	answer, err := c.in.next()
	if err != nil {
		return err
	}
	if err := c.check(answer); err != nil {
		return err
	}
	c.acked += c.request.Records()
	return nil
}

func (c *conn) check(answer response) error {
	if answer.status != 200 {
		return &StatusError{Status: answer.status, Body: string(answer.body)}
	}
	if c.target.Check == nil {
		return nil
	}
	return c.target.Check(answer.body)
}

// Once sends one request and waits for its answer.
func Once(ctx context.Context, t Target, sender int) (Result, error) {
	c, err := dial(ctx, t, sender, patience)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = c.Close() }() // All was read.
	if err := c.send(); err != nil {
		return Result{}, err
	}
	if err := c.receive(); err != nil {
		return Result{}, err
	}
	return Result{Requests: 1, Records: c.acked, Acked: map[int]int64{sender: c.acked}}, nil
}

// patience is how much longer than its run a connection may take.
const patience = 30 * time.Second
