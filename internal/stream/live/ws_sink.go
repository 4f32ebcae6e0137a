package live

import (
	"context"

	"github.com/coder/websocket"
)

// sink writes one stream's frames to its session.
type sink struct {
	*session
	topic string // the only one, or ""
	line  []byte
}

// sink returns where the frames of an entry go.
func (s *session) sink(q query) *sink {
	if len(q.topics) == 1 {
		return &sink{session: s, topic: q.topics[0]}
	}
	return &sink{session: s}
}

// write sends one message.
func (s *sink) write(p []byte) error {
	// There is no context, because a cancelled write would break the message in
	// the middle: the deadline of the connection bounds it.
	return s.conn.Write(context.Background(), websocket.MessageText, p)
}

// held does something whose messages are held back until Flush.
func (s *sink) held(do func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.cork.hold(true)
	defer s.cork.hold(false)
	return do()
}

// Frames implements stream.Sink.
func (s *sink) Frames(all []byte, ends []int) error {
	return s.held(func() error {
		from := 0
		for _, end := range ends {
			if err := s.write(all[from:end]); err != nil {
				return err
			}
			from = end
		}
		return nil
	})
}

// Frame implements stream.Sink.
func (s *sink) Frame(head, body []byte) error {
	s.line = append(append(s.line[:0], head...), body...)
	err := s.held(func() error { return s.write(s.line) })
	if cap(s.line) > pieceBytes {
		s.line = nil // A large record must not hold its memory for ever.
	}
	return err
}

// Event implements stream.Sink. A connection may have several streams, so it
// says which one is meant.
func (s *sink) Event(name, id string, data []byte) error {
	line := append([]byte(`{"event":"`), name...)
	line = append(line, '"')
	if s.topic != "" {
		line = append(append(append(line, `,"topic":"`...), s.topic...), '"')
	}
	if id != "" {
		line = append(append(append(line, `,"id":"`...), id...), '"')
	}
	line = append(append(append(line, `,"data":`...), data...), '}')
	return s.held(func() error { return s.write(line) })
}

// Beat implements stream.Sink. The session's pings do it.
func (s *sink) Beat() error { return nil }

// Cut implements stream.Sink.
func (s *sink) Cut() { _ = s.cork.Close() } // A connection that is closed already is as good.

// Flush implements stream.Sink.
func (s *sink) Flush() error { return s.cork.send() }
