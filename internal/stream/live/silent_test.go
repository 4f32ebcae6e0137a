package live_test

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Clients that never read hold up no other, and take little memory: there is no
// buffer of records for each.
func TestClientsThatDoNotRead(t *testing.T) {
	const silent, records = 2000, 100
	w := newWorld(t, func(w *world) { w.opts.HTTP.Connections = 0 })
	w.topic("t", 1)
	for i := range silent {
		if i%2 == 0 {
			w.silent("/topics/t/events")
		} else {
			w.silent("/topics/t/ws?from=now", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: live.v1.json")
		}
	}
	require.Eventually(t, func() bool { return w.hub.Stats().Clients == silent }, time.Minute, 5*time.Millisecond)
	events, socket := w.open("/topics/t/events"), w.dial("/topics/t/ws?from=now", nil)
	events.until("caughtup")
	socket.until("caughtup")
	// More than the systems' own buffers of each connection take.
	value := bytes.Repeat([]byte("x"), 100_000)
	for i := range records {
		w.send(&kgo.Record{Topic: "t", Value: value})
		require.Equal(t, int64(i), w.decode(events.records(1)[0].Data).Offset)
		require.Equal(t, int64(i), socket.records(1)[0].Offset)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	// The records are in Kafka, in the ring, and there as events and as messages,
	// with room for longer ones.
	require.Less(t, m.HeapAlloc, uint64(6*records*len(value)+silent*32<<10), "one buffer of records each would be many gigabytes")
}

// silent sends a request, and reads nothing of the answer.
func (w *world) silent(path string, headers ...string) {
	w.Helper()
	address := strings.TrimPrefix(w.url, "http://")
	conn, err := net.Dial("tcp", address)
	require.NoError(w, err)
	w.Cleanup(func() { _ = conn.Close() })
	require.NoError(w, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\n%s\r\n\r\n", path, strings.Join(append(headers, "Host: "+address), "\r\n"))
	require.NoError(w, err)
}
