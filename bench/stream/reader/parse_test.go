package reader

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// heard is what a parser has told.
type heard struct {
	parser
	records []string
	events  []string
}

func newHeard() *heard {
	h := &heard{}
	h.message = func(data []byte) error { h.records = append(h.records, string(data)); return nil }
	h.control = func(name string, data []byte) error {
		h.events = append(h.events, name+" "+string(data))
		return nil
	}
	return h
}

const (
	chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	wholeHead   = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	stream      = "retry: 2000\nevent: ready\nid: v1.x\ndata: {}\n\n:\n\nid: 1\ndata: {\"a\":1}\n\ndata: {\"a\":2}\n\nevent: gap\ndata: {\"reason\":\"expired\"}\n\nid: 3\ndata: {\"a\":3}\n\n"
)

// inChunks cuts a body into chunks of so many bytes.
func inChunks(body string, size int) string {
	var out string
	for len(body) > 0 {
		n := min(size, len(body))
		out += fmt.Sprintf("%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return out
}

func TestStreamsInPiecesOfAnySize(t *testing.T) {
	for name, text := range map[string]string{
		"whole":                     wholeHead + stream,
		"one chunk":                 chunkedHead + inChunks(stream, 1000),
		"chunks that cut the lines": chunkedHead + inChunks(stream, 7),
		"chunks of a byte":          chunkedHead + inChunks(stream, 1),
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(text); size++ {
				h := newHeard()
				for at := 0; at < len(text); at += size {
					require.NoError(t, h.feed([]byte(text[at:min(at+size, len(text))])))
				}
				require.Equal(t, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}, h.records, "%d", size)
				require.Equal(t, []string{`ready {}`, `gap {"reason":"expired"}`}, h.events, "%d", size)
				require.EqualValues(t, 3, h.messages)
				require.EqualValues(t, 1, h.beats)
			}
		})
	}
}

func TestStreamsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"another status":         {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", "404 Not Found"},
		"a head without end":     {string(make([]byte, maxHead+1)), errHead.Error()},
		"a chunk without size":   {chunkedHead + "data: {}\n\n", errChunk.Error()},
		"a chunk of a terabyte":  {chunkedHead + "10000000000\r\n", errChunk.Error()},
		"the last chunk":         {chunkedHead + inChunks(stream, 50) + "0\r\n\r\n", errEnded.Error()},
		"a line of no event":     {wholeHead + "hello\n", `"hello"`},
		"two lines of data":      {wholeHead + "data: 1\ndata: 2\n\n", `"data: 2"`},
		"data without its space": {wholeHead + "data:1\n\n", `"data:1"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, newHeard().feed([]byte(c.text)), c.want)
		})
	}
}

func TestValues(t *testing.T) {
	for _, size := range []int{Least, 100, 1024} {
		for _, s := range []Stamp{{}, {Number: 7, At: 1_790_000_000_000_000_000}, {Number: 123456789}} {
			value := AppendValue(nil, s, size)
			require.Len(t, value, max(size, Least))
			data := fmt.Sprintf(`{"topic":"t","partition":3,"offset":12,"timestamp":5,"key":null,"headers":[],"value":%s}`, value)
			got, partition, err := readStamp([]byte(data))
			require.NoError(t, err)
			require.Equal(t, s, got)
			require.EqualValues(t, 3, partition)
			require.True(t, json.Valid(value))
		}
	}
	for name, data := range map[string]string{
		"no partition":     `{"value":{"n":1,"at":2}}`,
		"a bad partition":  `{"partition":x,"value":{"n":1,"at":2}}`,
		"a text":           `{"partition":1,"value":"hello"}`,
		"no number":        `{"partition":1,"value":{"n":x,"at":2}}`,
		"no time":          `{"partition":1,"value":{"n":1}}`,
		"a bad time":       `{"partition":1,"value":{"n":1,"at":"2"}}`,
		"too large a time": `{"partition":1,"value":{"n":1,"at":9999999999999999999}}`,
	} {
		_, _, err := readStamp([]byte(data))
		require.ErrorIs(t, err, errForeign, name)
	}
}
