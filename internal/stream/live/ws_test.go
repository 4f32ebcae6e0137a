package live_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// One frame subscribes to several topics, each with its own position; the
// frames say which topic is meant, and their ids resume it.
func TestSubscriptions(t *testing.T) {
	w := newWorld(t)
	w.topic("a", 2)
	w.topic("b", 1)
	w.produce("a", 2, 10)
	w.produce("b", 1, 10)
	c := w.dial("/ws", nil)
	require.Equal(t, "live.v1.json", c.conn.Subprotocol())
	c.subscribe(`{"topic":"a","from":"earliest","partition":1,"values":"text"},{"topic":"b","from":"earliest","filter":"value.n >= 8","slow":"close","key":null}`)
	count, last := map[string]int{}, map[string]string{}
	for caughtUp := 0; caughtUp < 2; {
		f, err := c.next()
		require.NoError(t, err)
		switch f.Event {
		case "message":
			d := w.decode(string(f.Data))
			require.Empty(t, f.Topic)
			count[d.Topic]++
			last[d.Topic] = f.ID
			if d.Topic == "a" {
				require.Equal(t, int32(1), d.Partition)
				require.Equal(t, `"{`, string(d.Value[:2]))
			}
		case "caughtup":
			caughtUp++
			require.NotEmpty(t, f.ID)
			last[f.Topic] = f.ID
		default:
			require.Equal(t, "ready", f.Event)
			require.Contains(t, []string{"a", "b"}, f.Topic)
		}
	}
	require.Equal(t, map[string]int{"a": 10, "b": 2}, count)
	w.produce("b", 1, 1)
	again := w.dial("/ws", nil)
	again.subscribe(`{"topic":"b","last_event_id":"` + last["b"] + `"}`)
	require.Equal(t, int64(10), again.records(1)[0].Offset)
	// An id is one, however it is transported.
	require.Equal(t, int64(10), w.decode(w.open("/topics/b/events?last_event_id=" + last["b"]).records(1)[0].Data).Offset)
}

// Parameters in the query do without a first frame.
func TestSubscriptionsByQuery(t *testing.T) {
	w := newWorld(t)
	w.topic("a", 1)
	w.topic("b", 1)
	w.produce("a", 1, 3)
	w.produce("b", 1, 3)
	require.Len(t, w.dial("/topics/a/ws?from=earliest", nil).until("caughtup"), 5)
	require.Len(t, w.dial("/ws?topic=a&topic=b&from=earliest", nil).until("caughtup"), 8)
	c := w.dial("/topics/a/ws", nil)
	c.subscribe(`{"from":"earliest"}`)
	require.Len(t, c.until("caughtup"), 5)
}

// Every record comes as a message of its own, whole, however large, small or
// many they are.
func TestMessages(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 3000)
	large := bytes.Repeat([]byte("0123456789"), 90_000)
	w.send(&kgo.Record{Topic: "t", Value: large}, &kgo.Record{Topic: "t", Value: []byte("a\nb\x00\xff")}, &kgo.Record{Topic: "t"})
	all := w.dial("/topics/t/ws?from=earliest", nil).records(3003)
	for i, d := range all {
		require.Equal(t, int64(i), d.Offset)
	}
	require.Len(t, all[3000].Value, len(large)+2)
	require.Equal(t, "base64", all[3001].Encoding)
	require.Equal(t, "null", string(all[3002].Value))
	// Live, too.
	c := w.dial("/topics/t/ws?from=now", nil)
	c.until("caughtup")
	w.produce("t", 1, 500)
	c.records(500)
}

func TestWrongHandshakes(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	a := w.get("/topics/t/ws?from=now")
	require.Equal(t, 426, w.problem(a).Status)
	require.Equal(t, "websocket", a.Header.Get("Upgrade"))
	require.Equal(t, 426, w.get("/ws", "Upgrade: h2c", "Connection: Upgrade").Status)
	upgrade := []string{"Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
	require.Equal(t, 400, w.problem(w.get("/ws", upgrade...)).Status)
	require.Equal(t, 400, w.get("/ws", append(upgrade, "Sec-WebSocket-Protocol: chat, live.v2.json")...).Status)
	require.Equal(t, 400, w.get("/ws", append(upgrade, "Sec-WebSocket-Protocol: live.v1.json", "Sec-WebSocket-Key: short")...).Status)
	require.Equal(t, 400, w.get("/ws", append(upgrade, "Sec-WebSocket-Protocol: live.v1.json", "Sec-WebSocket-Version: 8")...).Status)
	require.Equal(t, 405, w.do(w.request(http.MethodPost, "/ws", upgrade...)).Status)
}

// A page of another origin could read with what the browser adds by itself.
func TestOrigins(t *testing.T) {
	w := newWorld(t, func(w *world) { w.opts.HTTP.CORS = []string{"https://app.example"} })
	w.topic("t", 1)
	for origin, ok := range map[string]bool{
		"": true, w.url: true, "https://app.example": true,
		"https://evil.example": false, "null": false, "http://app.example": false, "https://app.example.evil": false, "http://127.0.0.1:1": false,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		c, resp, err := w.tryDial("/topics/t/ws?from=now", header) //nolint:bodyclose // The library has read what there is.
		if ok {
			require.NoError(t, err, origin)
			c.until("ready")
			continue
		}
		require.Error(t, err, origin)
		require.Equal(t, 403, resp.StatusCode, origin)
	}
}

// What is wrong is said in a frame, since browsers show no status, and the code
// of the close says whether to come again.
func TestWrongSubscriptions(t *testing.T) {
	w := newWorld(t, func(w *world) { w.policy.Patterns = []string{"t", "u", "not-there"} })
	w.topic("t", 1)
	w.topic("u", 1)
	w.topic("secret", 1)
	many := strings.TrimSuffix(strings.Repeat(`{"topic":"t"},`, 21), ",")
	for _, c := range []struct {
		name, frame string
		code        websocket.StatusCode
		places      []string
	}{
		{"no JSON", `hello`, 4522, nil},
		{"cut off", `{"subscribe":[`, 4522, nil},
		{"a list", `[]`, 4522, nil},
		{"null", `null`, 4522, nil},
		{"a name twice", `{"subscribe":[{"topic":"t"}],"subscribe":[]}`, 4522, nil},
		{"not UTF-8", "{\"subscribe\":[{\"topic\":\"\xff\"}]}", 4522, nil},
		{"another member", `{"subscribe":[{"topic":"t"}],"auth":"x"}`, 4522, []string{"auth"}},
		{"nothing", `{}`, 4522, []string{"subscribe"}},
		{"none", `{"subscribe":[]}`, 4522, []string{"subscribe"}},
		{"not a list", `{"subscribe":{"topic":"t"}}`, 4522, []string{"subscribe"}},
		{"not objects", `{"subscribe":["t"]}`, 4522, []string{"subscribe"}},
		{"too many", `{"subscribe":[` + many + `]}`, 4522, []string{"subscribe"}},
		{"no topic", `{"subscribe":[{}]}`, 4522, []string{"subscribe[0].topic"}},
		{"a topic twice", `{"subscribe":[{"topic":"t"},{"topic":"t","partition":0}]}`, 4522, []string{"subscribe[1].topic"}},
		{"wrong members", `{"subscribe":[{"topic":"t","from":1,"partition":"x","key":{},"filter":"1+","values":"xml","slow":true,"strict":"1"}]}`, 4522, []string{
			"subscribe[0].filter", "subscribe[0].from", "subscribe[0].key", "subscribe[0].partition", "subscribe[0].slow", "subscribe[0].slow", "subscribe[0].strict", "subscribe[0].values",
		}},
		{"two that are wrong", `{"subscribe":[{"topic":"t","from":"x"},{"topic":"u","from":"y"}]}`, 4522, []string{"subscribe[0].from", "subscribe[1].from"}},
		{"a partition that is none", `{"subscribe":[{"topic":"t","partition":1e3}]}`, 4522, []string{"subscribe[0].partition"}},
		{"a topic that is not shown", `{"subscribe":[{"topic":"t"},{"topic":"secret"}]}`, 4504, nil},
		{"a topic that is not there", `{"subscribe":[{"topic":"t"},{"topic":"not-there"}]}`, 4504, nil},
		{"a topic that breaks out", `{"subscribe":[{"topic":"t\",\"data\":1"}]}`, 4504, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.dial("/ws", nil)
			s.send(c.frame)
			require.Equal(t, c.code, s.closed())
			p := s.problem()
			require.Equal(t, c.places, places(p))
			require.NotEmpty(t, p.Detail)
		})
	}
	require.Equal(t, websocket.StatusCode(4522), w.dial("/topics/t/ws?frm=now", nil).closed())
	require.Equal(t, websocket.StatusCode(4504), w.dial("/topics/secret/ws?from=now", nil).closed())
	s := w.dial("/topics/t/ws", nil)
	s.subscribe(`{"topic":"u"}`)
	require.Equal(t, websocket.StatusCode(4522), s.closed())
	require.Zero(t, w.hub.Stats().Clients)
}

// Frames of the wrong kind, or too large, or at the wrong time.
func TestWrongFrames(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	s := w.dial("/ws", nil)
	require.NoError(t, s.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"subscribe":[{"topic":"t"}]}`)))
	require.Equal(t, websocket.StatusUnsupportedData, s.closed())
	for _, path := range []string{"/ws", "/topics/t/ws?from=now"} {
		s = w.dial(path, nil)
		s.send(`{"subscribe":[{"topic":"t","key":"` + strings.Repeat("x", 65<<10) + `"}]}`)
		require.Equal(t, websocket.StatusMessageTooBig, s.closed(), path)
	}
	s = w.dial("/topics/t/ws?from=now", nil)
	s.until("ready")
	s.subscribe(`{"topic":"t"}`)
	require.Equal(t, websocket.StatusCode(4500), s.closed())
	s = w.dial("/topics/t/ws?from=now", nil)
	s.until("ready")
	require.NoError(t, s.conn.Close(websocket.StatusNormalClosure, ""), "a client's close is answered")
	// One that goes without a word.
	s = w.dial("/topics/t/ws?from=now", nil)
	s.until("ready")
	require.NoError(t, s.conn.CloseNow())
	w.nobodyIsLeft()
}

func (w *world) nobodyIsLeft() {
	w.Helper()
	require.Eventually(w, func() bool { return w.hub.Stats().Clients == 0 }, 10*time.Second, 5*time.Millisecond)
}

// When the replica stops, who streams and who has not subscribed yet are told.
func TestSocketsDrain(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 5)
	streams, waits := w.dial("/topics/t/ws?from=earliest", nil), w.dial("/ws", nil)
	streams.until("caughtup")
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = w.hub.Drain(ctx) // The end of the test looks at its error.
	}()
	require.Equal(t, websocket.StatusServiceRestart, streams.closed())
	last := streams.got[len(streams.got)-1]
	require.Equal(t, "bye", last.Event)
	require.JSONEq(t, `{"reason":"drain"}`, string(last.Data))
	require.NotEmpty(t, last.ID)
	require.Equal(t, websocket.StatusServiceRestart, waits.closed())
	late := w.dial("/topics/t/ws?from=now", nil)
	require.Equal(t, websocket.StatusServiceRestart, late.closed())
	require.Equal(t, "bye", late.got[0].Event)
}

func TestSocketsWithoutRoom(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Clients = 2 })
	w.topic("t", 1)
	w.topic("u", 1)
	w.topic("v", 1)
	w.dial("/topics/t/ws?from=now", nil).until("ready")
	s := w.dial("/ws", nil)
	s.subscribe(`{"topic":"u"},{"topic":"v"}`)
	require.Equal(t, websocket.StatusTryAgainLater, s.closed())
	require.JSONEq(t, `{"reason":"overload"}`, string(s.got[len(s.got)-1].Data))
	w.kafka.Close()
	s = w.dial("/topics/x/ws?from=now", nil)
	require.Equal(t, websocket.StatusTryAgainLater, s.closed())
	require.JSONEq(t, `{"reason":"kafka_away"}`, string(s.got[0].Data))
}

func TestACostlyFilterOverWebSocket(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	s := w.dial("/topics/t/ws?filter="+costlyFilter, nil)
	s.until("caughtup")
	w.send(costlyRecords(400)...)
	require.Equal(t, websocket.StatusCode(4510), s.closed())
}
