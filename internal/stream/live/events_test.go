package live_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/stream"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The first thing that a client hears is where it is, and when to come again.
func TestTheBeginningOfAStream(t *testing.T) {
	w := newWorld(t)
	w.topic("orders", 2)
	s := w.open("/topics/orders/events")
	require.Equal(t, 200, s.resp.StatusCode)
	require.Equal(t, "text/event-stream", s.resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store, no-transform", s.resp.Header.Get("Cache-Control"))
	require.Equal(t, "no", s.resp.Header.Get("X-Accel-Buffering"))
	ready, err := s.next()
	require.NoError(t, err)
	require.Equal(t, "ready", ready.Name)
	require.Equal(t, "{}", ready.Data)
	require.True(t, strings.HasPrefix(ready.ID, "v1."), ready.ID)
	require.GreaterOrEqual(t, s.retry, 1000)
	require.Less(t, s.retry, 3000)
	require.Equal(t, "caughtup", s.until("caughtup")[0].Name)
	w.produce("orders", 2, 3)
	ids := map[string]bool{}
	for _, e := range s.records(6) {
		require.NotEmpty(t, e.ID)
		require.False(t, ids[e.ID], "an id is that of one position")
		ids[e.ID] = true
		require.Equal(t, "orders", w.decode(e.Data).Topic)
	}
}

// What the header says wins over the parameter, and both over from: a browser
// repeats the URL that it was given, with the header of where it is.
func TestWhereAStreamBegins(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 10)
	all := w.open("/topics/t/events?from=earliest").records(10)
	first, fifth := all[0].ID, all[4].ID

	at := func(path string, headers ...string) int64 {
		t.Helper()
		return w.decode(w.open(path, headers...).records(1)[0].Data).Offset
	}
	require.Equal(t, int64(0), at("/topics/t/events?from=earliest"))
	require.Equal(t, int64(1), at("/topics/t/events?from=now&last_event_id="+first))
	require.Equal(t, int64(5), at("/topics/t/events?from=earliest&last_event_id="+first, "Last-Event-ID: "+fifth))
	require.Equal(t, int64(0), at("/topics/t/events?from=-15m"))
	require.Equal(t, int64(0), at("/topics/t/events?from=1970-01-01T00:00:00Z"))
	require.Equal(t, int64(0), at("/topics/t/events?from=2020-01-01T00:00:00+01:00"), "a plus that was not escaped")
	for _, from := range []string{"now", "9999-12-31T23:59:59Z", ""} {
		s := w.open("/topics/t/events?from=" + from)
		require.Equal(t, []string{"ready", "caughtup"}, names(s.until("caughtup")), from)
	}
}

func names(all []sseEvent) (out []string) {
	for _, e := range all {
		out = append(out, e.Name)
	}
	return out
}

// Several topics have one stream, and one cursor.
func TestSeveralTopics(t *testing.T) {
	w := newWorld(t)
	w.topic("a", 1)
	w.topic("b", 2)
	w.produce("a", 1, 2)
	w.produce("b", 2, 2)
	s := w.open("/events?topic=b&topic=a&topic=b&from=earliest")
	got := s.until("caughtup")
	count := map[string]int{}
	for _, e := range got[1 : len(got)-1] {
		count[w.decode(e.Data).Topic]++
	}
	require.Equal(t, map[string]int{"a": 2, "b": 4}, count)
	id := got[len(got)-1].ID
	w.produce("a", 1, 1)
	require.Equal(t, int64(2), w.decode(w.open("/events?topic=a&topic=b", "Last-Event-ID: "+id).records(1)[0].Data).Offset)
}

func TestSelections(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	w.produce("t", 2, 20)
	for _, c := range []struct {
		query string
		want  int
	}{
		{"", 40},
		{"&partition=1", 20},
		{"&key=k3", 4},
		{"&key=k3&partition=0", 2},
		{"&key=nobody", 0},
		{"&key=", 0},
		{"&filter=value.n+%3E%3D+15", 10},
		{"&filter=value.n+%3D%3D+1+%2F+(value.n-value.n)", 0}, // It divides by zero: no match.
		{"&filter=value.missing.field", 0},
	} {
		t.Run(c.query, func(t *testing.T) {
			got := w.open("/topics/t/events?from=earliest" + c.query).until("caughtup")
			require.Len(t, got, c.want+2)
			require.NotEmpty(t, got[len(got)-1].ID, "the position moves past what is not wanted")
		})
	}
}

// What no repeat can mend is an error status, and says what to do. The rest is
// never one, or a browser would not come again.
func TestWrongRequests(t *testing.T) {
	w := newWorld(t, func(w *world) { w.policy.Patterns = []string{"t*", "named.dlq"} })
	w.topic("t", 1)
	w.topic("other", 1)
	w.topic("t.group.dlq", 1)
	w.topic("named.dlq", 1)
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		path   string
		status int
		places []string
	}{
		{"/topics/t/events?from=yesterday", 422, []string{"query.from"}},
		{"/topics/t/events?from=15m", 422, []string{"query.from"}},
		{"/topics/t/events?from=-1", 422, []string{"query.from"}},
		{"/topics/t/events?partition=-1", 422, []string{"query.partition"}},
		{"/topics/t/events?partition=4294967296", 422, []string{"query.partition"}},
		{"/topics/t/events?key=" + long, 422, []string{"query.key"}},
		{"/topics/t/events?filter=1%2B", 422, []string{"query.filter"}},
		{"/topics/t/events?filter=value.n", 200, nil},
		{"/topics/t/events?filter=" + long, 422, []string{"query.filter"}},
		{"/topics/t/events?filter=", 422, []string{"query.filter"}},
		{"/topics/t/events?values=xml", 422, []string{"query.values"}},
		{"/topics/t/events?slow=maybe", 422, []string{"query.slow"}},
		{"/topics/t/events?strict=yes", 422, []string{"query.strict"}},
		{"/topics/t/events?form=now&filtr=x", 422, []string{"query.filtr", "query.form"}},
		{"/topics/t/events?topic=t", 422, []string{"query.topic"}},
		{"/topics/t/events?from=now&from=earliest", 422, []string{"query.from"}},
		{"/topics/t/events?a=%zz", 422, []string{"query"}},
		{"/topics/t/events?a;b", 422, []string{"query"}},
		{"/events", 422, []string{"query.topic"}},
		{"/topics/other/events", 404, nil},
		{"/topics/t-not-there/events", 404, nil},
		{"/topics/t.group.dlq/events", 404, nil},
		{"/topics/named.dlq/events", 200, nil},
		{"/topics/t%00/events", 404, nil},
		{"/topics/t%2Fx/events", 404, nil},
		{"/topics/t" + strings.Repeat("x", 300) + "/events", 404, nil},
		{"/events?topic=t&topic=other", 404, nil},
		{"/events?topic=t&topic=t-not-there", 404, nil},
	} {
		t.Run(c.path[:min(len(c.path), 60)], func(t *testing.T) {
			s := w.open(c.path)
			require.Equal(t, c.status, s.resp.StatusCode)
			if c.status == 200 {
				require.Equal(t, "ready", s.until("ready")[0].Name)
				return
			}
			body, err := io.ReadAll(s.resp.Body)
			require.NoError(t, err)
			require.Less(t, len(body), 4000)
			p := w.problem(answer{s.resp.StatusCode, s.resp.Header, string(body)})
			require.Equal(t, c.places, places(p))
			require.NotEmpty(t, p.Detail)
		})
	}
}

func TestAWrongFilterIsPointedAt(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	p := w.problem(w.get("/topics/t/events?filter=value.n+%3D%3D+%3D+3"))
	require.Equal(t, 422, p.Status)
	require.Contains(t, p.Errors[0].Message, "line 1, column 12")
}

// More topics or partitions than a cursor can hold.
func TestTooManyTopics(t *testing.T) {
	w := newWorld(t)
	path := "/events?x="
	path = strings.TrimSuffix(path, "x=")
	for i := range 60 {
		path += fmt.Sprintf("&topic=t%d", i)
	}
	require.Equal(t, 422, w.get(path).Status)
	w.topic("wide", 501)
	p := w.problem(w.get("/topics/wide/events"))
	require.Equal(t, 422, p.Status)
	require.Contains(t, p.Detail, "500")
}

// A cursor that is none is said, and what follows is live.
func TestBadCursors(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 3)
	good := w.open("/topics/t/events").until("ready")[0].ID
	for name, id := range map[string]string{
		"not one":   "17",
		"damaged":   good[:len(good)-2] + "AA",
		"cut off":   good[:len(good)-5],
		"too large": "v1." + strings.Repeat("A", 8000),
		"a version": "v2" + good[2:],
	} {
		t.Run(name, func(t *testing.T) {
			s := w.open("/topics/t/events?from=earliest", "Last-Event-ID: "+id)
			got := s.until("caughtup")
			require.Equal(t, []string{"ready", "gap", "caughtup"}, names(got))
			require.JSONEq(t, `{"reason":"bad_cursor"}`, got[1].Data)
			p := w.problem(w.get("/topics/t/events?strict=1", "Last-Event-ID: "+id))
			require.Equal(t, 410, p.Status)
			require.Len(t, p.Errors, 1)
		})
	}
}

// Records that Kafka has deleted are a gap for a browser, and a status for a
// program that asks for one.
func TestExpiredCursors(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	id := w.open("/topics/t/events").until("ready")[0].ID
	w.produce("t", 1, 10)
	w.deleteBelow("t", 0, 7)
	w = w.replica() // This one has the records in memory.
	s := w.open("/topics/t/events?last_event_id=" + id)
	got := s.until("caughtup")
	require.Equal(t, []string{"ready", "gap", "message", "message", "message", "caughtup"}, names(got))
	require.JSONEq(t, `{"topic":"t","partition":0,"from":0,"to":7,"reason":"expired"}`, got[1].Data)
	p := w.problem(w.get("/topics/t/events?strict=1&last_event_id=" + id))
	require.Equal(t, 410, p.Status)
	require.Contains(t, p.Errors[0].Message, "from offset 0 to below 7")
	s = w.open("/topics/t/events?strict=1&last_event_id=" + got[1].ID)
	require.Equal(t, 200, s.resp.StatusCode, "the gap's own id is behind it")
}

func (w *world) deleteBelow(topic string, partition int32, offset int64) {
	w.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Partition, rp.Offset = partition, offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(w.Context(), w.write)
	require.NoError(w, err)
	require.Zero(w, resp.Topics[0].Partitions[0].ErrorCode)
}

// A browser is told in a stream that it should come again; a program by a
// status.
func TestKafkaIsAway(t *testing.T) {
	w := newWorld(t)
	w.kafka.Close()
	s := w.open("/topics/t/events")
	require.Equal(t, 200, s.resp.StatusCode)
	bye := s.until("bye")
	require.JSONEq(t, `{"reason":"kafka_away"}`, bye[0].Data)
	require.Positive(t, s.retry)
	_, err := s.next()
	require.ErrorIs(t, err, io.EOF)
	a := w.get("/topics/t/events?strict=1")
	require.Equal(t, 503, w.problem(a).Status)
	require.Equal(t, "2", a.Header.Get("Retry-After"))
}

func TestOverload(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Clients = 1 })
	w.topic("t", 1)
	w.open("/topics/t/events").until("ready")
	require.JSONEq(t, `{"reason":"overload"}`, w.open("/topics/t/events").until("bye")[0].Data)
	require.Equal(t, 503, w.get("/topics/t/events?strict=1").Status)
}

// HEAD tells what GET would, without a stream.
func TestHead(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	a := w.do(w.request(http.MethodHead, "/topics/t/events"))
	require.Equal(t, 200, a.Status)
	require.Equal(t, "text/event-stream", a.Header.Get("Content-Type"))
	require.Equal(t, 422, w.do(w.request(http.MethodHead, "/topics/t/events?x=1")).Status)
	require.Zero(t, w.hub.Stats().Clients)
	require.Equal(t, 405, w.do(w.request(http.MethodPost, "/topics/t/events")).Status)
}

// When the replica stops, its clients are told, with a cursor to go on from.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 5)
	s := w.open("/topics/t/events?from=earliest")
	s.until("caughtup")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w.server.Drain()
	require.NoError(t, w.hub.Drain(ctx))
	bye := s.until("bye")
	require.JSONEq(t, `{"reason":"drain"}`, bye[len(bye)-1].Data)
	require.Positive(t, s.retry)
	require.NotEmpty(t, bye[len(bye)-1].ID)
	require.JSONEq(t, `{"reason":"drain"}`, w.open("/topics/t/events").until("bye")[0].Data, "who comes now is sent on")
	require.NoError(t, w.server.Shutdown(ctx))
}

// After a goodbye the same connection serves other requests: the deadline for
// writing was the stream's.
func TestTheConnectionGoesOn(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Clients = 1 })
	w.topic("t", 1)
	w.open("/topics/t/events").until("ready")
	for range 3 {
		require.Contains(t, w.get("/topics/t/events").Body, "event: bye\n")
	}
}

// A filter that takes too long ends its stream, and no other.
func TestACostlyFilter(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	costly := w.open("/topics/t/events?filter=" + costlyFilter)
	costly.until("caughtup")
	other := w.open("/topics/t/events")
	other.until("caughtup")
	w.send(costlyRecords(400)...)
	got := costly.until("bye")
	require.JSONEq(t, `{"reason":"`+stream.ByeFilterCost+`"}`, got[len(got)-1].Data)
	other.records(400)
}

// costlyFilter compares each element of a list with each other, three times.
const costlyFilter = "value.all(x%2C+value.all(y%2C+value.all(z%2C+x%2By%2Bz+%3E+0)))"

func costlyRecords(n int) (all []*kgo.Record) {
	value := []byte("[" + strings.Repeat("1,", 400) + "1]")
	for range n {
		all = append(all, &kgo.Record{Topic: "t", Value: value})
	}
	return all
}
