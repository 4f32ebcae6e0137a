package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/examples/internal/example"
	"sluice/record"
)

// lab is a crawl without Kafka: a web whose connections are pipes, so that it
// can be had in fake time, and the state of the only partition there is.
type lab struct {
	t      *testing.T
	graph  *graph
	web    *web
	client *http.Client
	topics topics
	state  *state
	table  []record.Record
}

func newLab(t *testing.T, g *graph) *lab {
	w := newWeb(g, 100*time.Millisecond)
	l := newLabOf(t, w)
	l.graph, l.web = g, w
	return l
}

// newLabOf is a lab with a web of the test's own.
func newLabOf(t *testing.T, web http.Handler) *lab {
	l := &lab{t: t, client: newClient(), topics: topicsOf("lab.")}
	pipes := pipes{calls: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: web, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	served := make(chan error)
	go func() { served <- server.Serve(pipes) }()
	l.client.Transport.(*http.Transport).DialContext = pipes.dial
	t.Cleanup(func() {
		l.client.CloseIdleConnections()
		_ = server.Close()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	l.restore()
	return l
}

// restore makes a new state of what the table has, as another member would.
func (l *lab) restore() {
	l.state = newState(l.topics, l.client)
	for i := range l.table {
		require.NoError(l.t, l.state.Restore(&l.table[i]))
	}
}

// task is a record of the frontier.
func (l *lab) task(url string) record.Record {
	a, err := parseAddress(address{}, url)
	require.NoError(l.t, err)
	return encode(l.topics.frontier, a.host, task{URL: url, Via: "127.0.0.1:8020"})
}

// handle has the state handle a record. What it makes is committed.
func (l *lab) handle(r record.Record) consumertest.Result {
	got := l.try(r)
	for _, made := range got.Made {
		if made.Topic == l.topics.seen {
			l.table = append(l.table, made)
		}
	}
	return got
}

// try has the state handle a record. Nothing is committed.
func (l *lab) try(r record.Record) consumertest.Result {
	return consumertest.Handle(l.t.Context(), consumer.Transform(l.state.Handle), r)
}

// crawl handles records until nothing is left in the frontier, each as often as
// it asks for, and hands the pages to the checker. It stops after each step.
func (l *lab) crawl(c *checker, step func(n int)) {
	frontier := []record.Record{l.task(pageOf(0, 0))}
	attempts, offset := 0, int64(0)
	take := func(topic string, r record.Record) {
		require.NoError(l.t, c.take(example.Event{Topic: topic, Offset: offset, Key: string(r.Key), Value: r.Value}))
		offset++
	}
	for n := 0; len(frontier) > 0; n++ {
		step(n)
		got := l.handle(frontier[0])
		switch attempts++; {
		case got.Outcome == consumertest.Retried && attempts < 3:
			time.Sleep(got.After)
			continue
		case got.Outcome == consumertest.Retried, got.Outcome == consumertest.GivenUp:
			take(l.topics.letters, frontier[0])
		case got.Outcome == consumertest.Handled:
		default:
			l.t.Fatal(got)
		}
		frontier, attempts = frontier[1:], 0
		for _, made := range got.Made {
			switch made.Topic {
			case l.topics.frontier:
				frontier = append(frontier, made)
			case l.topics.pages:
				take(made.Topic, made)
			}
		}
	}
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
}

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.calls <- there:
		return here, nil
	case <-p.closed:
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }
