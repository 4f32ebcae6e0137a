package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
)

const (
	// maxFrame is how large a client's frame may be.
	maxFrame = 64 << 10
	// subscribeTime is how long a client may take to say what it wants.
	subscribeTime = 10 * time.Second
	// pingEvery is how often a client is asked whether it is still there, and
	// pongTime how long it may take to answer.
	pingEvery = 15 * time.Second
	pongTime  = 15 * time.Second
	// closeTime is how long a client may take to answer a close.
	closeTime = time.Second
)

// session is one client's WebSocket: who subscribes once, and is then sent
// frames until one of its streams ends.
type session struct {
	api   *API
	who   reader
	conn  *websocket.Conn
	cork  *cork
	topic string // of the path, or ""

	writing sync.Mutex // of frames, by several streams
}

// run serves the client, and ends the connection.
func (s *session) run(r *http.Request, refused *httpserver.Problem) {
	ctx, cancel := context.WithCancel(r.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	frames := make(chan frame)
	work.Go(func() { s.read(ctx, frames) })

	var feeds []*stream.Feed
	defer func() {
		for _, f := range feeds {
			f.Close() // Whoever waits until all have ended waits for the goodbye, too.
		}
	}()
	entries, err := s.subscription(ctx, r, refused, frames)
	if err == nil {
		feeds, err = s.open(ctx, entries)
	}
	if err == nil {
		err = s.feed(ctx, entries, feeds, frames)
	}
	s.end(err)
}

// frame is what the client has sent, or why there is nothing more to come.
type frame struct {
	kind websocket.MessageType
	data []byte
	err  error
}

// read reads frames until there are no more. The connection has to be read for
// its pongs and its close, too.
func (s *session) read(ctx context.Context, to chan<- frame) {
	for {
		var f frame
		f.kind, f.data, f.err = s.conn.Read(context.Background())
		select {
		case to <- f:
		case <-ctx.Done():
			// Nobody wants to know any more, but the close has to be read.
		}
		if f.err != nil {
			return
		}
	}
}

// subscription returns what the client wants: from the query, or from its first
// frame.
func (s *session) subscription(ctx context.Context, r *http.Request, refused *httpserver.Problem, frames <-chan frame) ([]query, error) {
	if refused != nil {
		return nil, &rejected{refused}
	}
	in := newReading(r, s.api.filters)
	if in.asks() {
		q := in.stream()
		q.topics = in.topics(s.topic)
		return s.allowed([]query{q}, in.end())
	}
	timer := time.NewTimer(subscribeTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.api.hub.Draining():
		return nil, &stream.Bye{Reason: stream.ByeDrain}
	case <-timer.C:
		return nil, errSilent
	case f := <-frames:
		switch {
		case f.err != nil:
			return nil, f.err
		case f.kind != websocket.MessageText:
			return nil, errBinary
		}
		return s.allowed(s.api.subscribe(f.data, s.topic))
	}
}

// allowed checks that all topics may be read.
func (s *session) allowed(entries []query, p *httpserver.Problem) ([]query, error) {
	for _, q := range entries {
		if p == nil {
			p = s.who.mayRead(q.topics...)
		}
	}
	if p != nil {
		return nil, &rejected{p}
	}
	return entries, nil
}

// open opens a stream for each entry.
func (s *session) open(ctx context.Context, entries []query) (feeds []*stream.Feed, err error) {
	for _, q := range entries {
		f, err := s.api.hub.Open(ctx, s.who.request(q, stream.JSON))
		if err != nil {
			p, bye := refusal(err, q.topics)
			if bye != nil {
				data, _ := json.Marshal(bye)         // A text always marshals.
				_ = s.sink(q).Event("bye", "", data) // The close says it as well.
				return feeds, bye
			}
			return feeds, &rejected{p}
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// feed runs the streams until one of them ends, or the client does.
func (s *session) feed(ctx context.Context, entries []query, feeds []*stream.Feed, frames <-chan frame) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, len(feeds))
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i, f := range feeds {
		running.Go(func() { ended <- f.Run(ctx, s.sink(entries[i])) })
	}
	running.Go(func() { s.ping(ctx) })
	select {
	case err := <-ended:
		return err
	case f := <-frames:
		if f.err != nil {
			// Whoever writes to a client that has gone must not wait for it.
			_ = s.conn.CloseNow()
			return f.err
		}
		return errUnexpected
	}
}

// ping asks the client from time to time whether it is still there, and ends
// the connection where it is not.
func (s *session) ping(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		late, cancel := context.WithTimeout(ctx, pongTime)
		err := s.conn.Ping(late)
		cancel()
		if err != nil && ctx.Err() == nil {
			_ = s.conn.CloseNow() // It is read no more: its reader ends the session.
			return
		}
	}
}

// end says why, and closes the connection.
func (s *session) end(err error) {
	if r := (*rejected)(nil); errors.As(err, &r) {
		data, _ := json.Marshal(r.problem) // Texts and numbers always marshal.
		_ = (&sink{session: s}).Event("error", "", data)
	}
	// The client gets its time to answer the close, and no more.
	timer := time.AfterFunc(closeTime, func() { _ = s.cork.Close() })
	defer timer.Stop()
	code, reason := closing(err)
	_ = s.conn.Close(code, reason) // It is closed one way or the other.
}
