package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"sluice/internal/httpserver"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// socket is a client's WebSocket.
type socket struct {
	*world
	conn *websocket.Conn
	got  []wsFrame
	err  error
}

// wsFrame is a frame as a client reads it.
type wsFrame struct {
	Event string          `json:"event"`
	Topic string          `json:"topic"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// dial opens a WebSocket, which ends with the test.
func (w *world) dial(path string, header http.Header) *socket {
	w.Helper()
	c, _, err := w.tryDial(path, header) //nolint:bodyclose // The library has read what there is.
	require.NoError(w, err)
	return c
}

func (w *world) tryDial(path string, header http.Header) (*socket, *http.Response, error) {
	conn, resp, err := websocket.Dial(w.Context(), w.url+path, &websocket.DialOptions{
		HTTPClient: w.client, HTTPHeader: header, Subprotocols: []string{"live.v1.json"},
	})
	if err != nil {
		return nil, resp, err
	}
	conn.SetReadLimit(-1)
	w.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{world: w, conn: conn}, resp, nil
}

func (s *socket) send(text string) {
	s.Helper()
	require.NoError(s, s.conn.Write(s.Context(), websocket.MessageText, []byte(text)))
}

func (s *socket) subscribe(entries string) {
	s.Helper()
	s.send(`{"subscribe":[` + entries + `]}`)
}

// next reads a frame; the error stays.
func (s *socket) next() (wsFrame, error) {
	if s.err != nil {
		return wsFrame{}, s.err
	}
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	kind, data, err := s.conn.Read(ctx)
	if err != nil {
		s.err = err
		return wsFrame{}, err
	}
	require.Equal(s, websocket.MessageText, kind)
	var f wsFrame
	require.NoError(s, json.Unmarshal(data, &f), string(data))
	s.got = append(s.got, f)
	return f, nil
}

// until reads up to the first frame of the event, and returns all.
func (s *socket) until(event string) []wsFrame {
	s.Helper()
	from := len(s.got)
	for {
		f, err := s.next()
		require.NoError(s, err, "after %d frames", len(s.got))
		if f.Event == event {
			return s.got[from:]
		}
	}
}

// records reads n records.
func (s *socket) records(n int) (all []decoded) {
	s.Helper()
	for len(all) < n {
		got := s.until("message")
		all = append(all, s.decode(string(got[len(got)-1].Data)))
	}
	return all
}

// closed reads to the end and returns with which code the server has closed.
func (s *socket) closed() websocket.StatusCode {
	s.Helper()
	for {
		if _, err := s.next(); err != nil {
			e, ok := errors.AsType[websocket.CloseError](err)
			require.True(s, ok, "closed without a code: %v", err)
			return e.Code
		}
	}
}

// problem is that of the last frame, an error.
func (s *socket) problem() (p httpserver.Problem) {
	s.Helper()
	require.NotEmpty(s, s.got)
	last := s.got[len(s.got)-1]
	require.Equal(s, "error", last.Event)
	require.NoError(s, json.Unmarshal(last.Data, &p))
	return p
}
