package openapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const eventStream = "text/event-stream"

// firstEvents reads the first events of a stream, or all where it ends before.
func firstEvents(t *testing.T, body io.Reader, n int) string {
	t.Helper()
	var text strings.Builder
	for lines := bufio.NewReader(body); n > 0; {
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		if line == "\n" {
			n--
		}
	}
	return text.String()
}

// requireEvents holds the events of a stream against the HTML standard, as far
// as we use it, and a record against its schema.
func (dr *driver) requireEvents(t *testing.T, e exchange, text string) {
	t.Helper()
	events := strings.SplitAfter(text, "\n\n")
	require.Empty(t, events[len(events)-1], "the stream ends within an event")
	events = events[:len(events)-1]
	require.Len(t, events, max(e.events, 1))
	for _, event := range events {
		fields := map[string]string{}
		for line := range strings.Lines(strings.TrimSuffix(event, "\n")) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			require.Contains(t, []string{"event", "id", "data", "retry"}, name)
			fields[name] = value
		}
		data := parse(t, fields["data"]) // A browser drops an event without it.
		if fields["event"] == "" {
			require.NotEmpty(t, fields["id"])
			require.NoError(t, dr.d.schema(t, "components", "schemas", "PageRecord").Validate(data), event)
		}
	}
	require.Regexp(t, "^retry: [0-9]+\nevent: (ready|bye)\n", events[0])
}

// cutOff makes an exchange whose body does not come to its end.
func (s *service) cutOff(e exchange) (int, http.Header, string) {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.address)
	require.NoError(s.t, err)
	defer func() { _ = conn.Close() }()
	var head strings.Builder
	for name, value := range e.headers {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s", e.method, e.path, s.address, len(e.body)+1, head.String(), e.body)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: e.method})
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// fill writes records of all kinds to partition 0 of the topic events, and
// some to partition 3 of which the first two are deleted.
func fill(t *testing.T, cluster *kfake.Cluster) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	all := []*kgo.Record{
		{Key: []byte("k"), Value: []byte(`{"a":[1,null]}`), Headers: []kgo.RecordHeader{{Key: "a"}, {Key: "b", Value: []byte("\xff")}, {Key: "\xff", Value: []byte("c")}}},
		{Key: []byte("\xff"), Value: []byte("text\n")},
		{Value: []byte("\xff")},
		{Key: []byte("k")}, // A tombstone.
	}
	for range 3 {
		all = append(all, &kgo.Record{Partition: 3, Value: []byte("1")})
	}
	for _, r := range all {
		r.Topic = "events"
	}
	require.NoError(t, client.ProduceSync(t.Context(), all...).FirstErr())
	gone := kadm.Offsets{}
	gone.AddOffset("events", 3, 2, -1)
	deleted, err := kadm.NewClient(client).DeleteRecords(t.Context(), gone)
	require.NoError(t, err)
	require.NoError(t, deleted.Error())
}

// The first frame of a WebSocket is documented, too: what the schema refuses
// the program does, and what it takes is taken.
func TestTheFirstFrameIsAsDocumented(t *testing.T) {
	s := startB(t, newCluster(t), nil)
	schema := s.read().schema(t, "paths", manySockets, "get", "responses", "101", "content", jsonMedia, "schema")
	entry := func(members string) string { return `{"subscribe":[{"topic":"events"` + members + `}]}` }
	for name, c := range map[string]struct {
		frame  string
		opens  bool
		refuse bool // by the schema
	}{
		"the topic alone":        {entry(``), true, false},
		"every member":           {entry(`,"from":"-15m","last_event_id":"","partition":1,"key":"k","filter":"partition == 1","values":"text","slow":"close"`), true, false},
		"no member":              {`{}`, false, true},
		"another member":         {`{"unsubscribe":[]}`, false, true},
		"no entry":               {`{"subscribe":[]}`, false, true},
		"too many entries":       {`{"subscribe":[` + strings.TrimSuffix(strings.Repeat(`{"topic":"events"},`, 21), ",") + `]}`, false, true},
		"an entry of no topic":   {`{"subscribe":[{}]}`, false, true},
		"an unknown parameter":   {entry(`,"form":"now"`), false, true},
		"a parameter of a list":  {entry(`,"key":["k"]`), false, true},
		"another form of values": {entry(`,"values":"xml"`), false, true},
		"a time that is none":    {entry(`,"from":"yesterday"`), false, false},
		"a topic that is none":   {`{"subscribe":[{"topic":"nowhere"}]}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := schema.Validate(parse(t, c.frame)); c.refuse {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
			conn, resp, err := websocket.Dial(t.Context(), "ws://"+s.address+manySockets, &websocket.DialOptions{Subprotocols: []string{subprotocol}})
			require.NoError(t, err)
			if resp.Body != nil {
				require.NoError(t, resp.Body.Close())
			}
			defer func() { _ = conn.CloseNow() }()
			require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(c.frame)))
			_, answer, err := conn.Read(t.Context())
			require.NoError(t, err)
			frame, ok := parse(t, string(answer)).(map[string]any)
			require.True(t, ok)
			require.Equal(t, map[bool]string{true: "ready", false: "error"}[c.opens], frame["event"], string(answer))
		})
	}
}

// query writes parameters, in pairs.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}
