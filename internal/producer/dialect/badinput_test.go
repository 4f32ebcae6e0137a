package dialect_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// target is service A's write endpoints on a real server, for requests that
// nobody should send. Whatever is refused has "bad" in its value.
type target struct {
	*producertest.World
	t       *testing.T
	address string
	metrics *prometheus.Registry
}

// newTarget starts a target. When the test ends, nothing that was refused may
// be in Kafka, no room may be held, and a good request must work.
func newTarget(t *testing.T) *target {
	t.Helper()
	a := &target{World: producertest.New(t, nil), t: t, metrics: prometheus.NewRegistry()}
	cfg := producer.DefaultConfig()
	cfg.Topic, cfg.Limits.Body, cfg.Limits.InFlight = producertest.Topic, units.MiB, 32*units.MiB
	log := slog.New(slog.DiscardHandler)
	writer := producer.NewWriter(cfg, a.Conn, log, a.metrics)
	s := httpserver.New(httpserver.Options{Title: "test", Version: "1", Listen: []string{"127.0.0.1:0"}, Setting: "producer.listen", Log: log})
	dialect.NewOriginal(writer).Register(s)
	dialect.NewTopic(writer).Register(s)
	dialect.NewPartition(writer).Register(s)
	dialect.NewREST3(writer).Register(s)
	require.NoError(t, s.Listen(t.Context()))
	a.address = s.Addrs()[0]
	var wg sync.WaitGroup
	wg.Go(func() { _ = writer.Run(context.Background()) })
	wg.Go(func() { _ = s.Serve() })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		writer.Close(ctx)
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	a.Await(func() bool { return writer.Ready() == nil })
	t.Cleanup(a.requireUnharmed)
	return a
}

func (a *target) requireUnharmed() {
	status, body := a.send("/produce", `{"content":"good"}`)
	require.Equal(a.t, 200, status, body)
	for value := range a.Values(producertest.Topic) {
		require.NotContains(a.t, value, "bad", "was refused, and is there")
	}
	a.Await(func() bool {
		families, err := a.metrics.Gather()
		require.NoError(a.t, err)
		held, found := 0.0, 0
		for _, f := range families {
			if f.GetName() == "sluice_producer_in_flight_bytes" || f.GetName() == "sluice_producer_in_flight_requests" {
				held += f.GetMetric()[0].GetGauge().GetValue()
				found++
			}
		}
		return found == 2 && held == 0
	})
}

// send posts a body with headers given as pairs.
func (a *target) send(path, body string, headers ...string) (status int, answer string) {
	a.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+a.address+path, strings.NewReader(body))
	require.NoError(a.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // No redirect is followed.
	require.NoError(a.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return resp.StatusCode, string(text)
}

// raw writes bytes to a connection, ends its own side of it, and returns the
// answers' statuses and bodies.
func (a *target) raw(request string) (statuses []int, bodies string) {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.address)
	require.NoError(a.t, err)
	defer func() { _ = conn.Close() }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, _ = io.WriteString(conn, request) // The server may have refused before the end.
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses, bodies
		}
		text, _ := io.ReadAll(resp.Body) // What a refused client sees of it.
		_ = resp.Body.Close()
		statuses, bodies = append(statuses, resp.StatusCode), bodies+string(text)
	}
}

// writing is a way to write, as tables of bad input use it.
type writing struct {
	name, path, media string
	// embed makes a body with a JSON text as the record's value, or in it.
	embed func(jsonText string) string
	// status is of a body that is malformed, where it is not 400: streams say
	// it in the body.
	status int
}

func in(before, after string) func(string) string {
	return func(text string) string { return before + text + after }
}

// jsonWritings are those whose bodies are JSON.
func jsonWritings() []writing {
	const (
		event   = `{"id":"1","source":"/bad","specversion":"1.0","type":"t","data":`
		records = "/v3/clusters/c/topics/events/records"
	)
	return []writing{
		{"produce", "/produce", "application/json", in(`{"content":"bad","key":`, `}`), 0},
		{"lines", "/topics/events", "application/x-ndjson", in(`["bad",`, `]`), 0},
		{"lines with keys", "/topics/events?key_path=/0", "application/x-ndjson", in(`["bad",`, `]`), 0},
		{"event", "/topics/events", "application/cloudevents+json", in(event, `}`), 0},
		{"v2", "/topics/events", restJSON, in(`{"records":[{"value":"bad"},{"value":`, `}]}`), 0},
		{"v2 partition", "/topics/events/partitions/0", restJSON, in(`{"records":[{"value":"bad"},{"value":`, `}]}`), 0},
		{"v3", records, "application/json", in(`{"key":{"type":"STRING","data":"bad"},"value":{"type":"JSON","data":`, `}}`), 200},
		{"v3 batch", records + ":batch", "application/json", in(`{"entries":[{"id":"1","key":{"type":"STRING","data":"bad"},"value":{"type":"JSON","data":`, `}}]}`), 0},
	}
}

func TestMalformedJSONIsRefused(t *testing.T) {
	a := newTarget(t)
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for name, text := range map[string]string{
		"no colon": `{"a" 1}`, "a number with a zero before it": `01`, "half a word": `tru`, "NaN": `NaN`, "a comma too many": `[1,]`,
		"single quotes": `'a'`, "a control character": "\"\x01\"", "an escape that is none": `"\x"`, "a comment": `/**/1`, "nothing": ``, "a NUL": "\x00",
		"100,000 levels": deep, "100,000 objects": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"100,000 levels without an end": deep[:100_000],
		"duplicate keys":                `{"a":1,"a":2}`, "duplicate keys, one escaped": `{"a":1,"\u0061":2}`,
		"a lone high surrogate": `"\ud800"`, "a lone low surrogate": `"\udc00x"`, "surrogates the wrong way round": `"\udc00\ud800"`,
		"a lone surrogate in a name": `{"\ud800":1}`, "invalid UTF-8": "\"\xff\"", "overlong UTF-8": "\"\xc0\xaf\"", "a surrogate in UTF-8": "\"\xed\xa0\x80\"",
		"UTF-16": "\xff\xfe1\x00",
	} {
		for _, w := range jsonWritings() {
			t.Run(w.name+"/"+name, func(t *testing.T) { a.requireMalformed(t, w, w.embed(text)) })
		}
	}
	for _, w := range jsonWritings() {
		whole := w.embed(`"\u00e4"`)
		for n := 1; n < len(whole); n++ {
			a.requireMalformed(t, w, whole[:n])
		}
		if w.status == 0 {
			t.Run(w.name+"/more after the end", func(t *testing.T) { a.requireMalformed(t, w, whole+"x") })
		}
	}
}

func (a *target) requireMalformed(t *testing.T, w writing, body string) {
	t.Helper()
	status, answer := a.send(w.path, body, "Content-Type", w.media)
	if w.status != 0 {
		require.Equal(t, w.status, status, answer)
		require.Contains(t, answer, `{"error_code":400,"message":"Bad Request: Error processing JSON: `)
		require.NotContains(t, answer, `"error_code":200`)
		return
	}
	require.Equal(t, http.StatusBadRequest, status, answer)
	require.Contains(t, answer, "JSON")
	require.Less(t, len(answer), 2000, "the answer does not repeat the request")
}

// A document's byte order mark is no JSON (RFC 8259, 8.1).
func TestByteOrderMarkIsRefused(t *testing.T) {
	a := newTarget(t)
	for _, w := range jsonWritings() {
		a.requireMalformed(t, w, "\xef\xbb\xbf"+w.embed(`"bad"`))
	}
}

func TestTopicNamesThatAreNone(t *testing.T) {
	a := newTarget(t)
	paths := map[string][2]string{ // path → content type and body
		"/topics/%s":                             {"text/plain", "bad"},
		"/topics/%s?results=each":                {"application/x-ndjson", `"bad"`},
		"/topics/%s?key=k":                       {"application/cloudevents+json", `{"id":"1","source":"/bad","specversion":"1.0","type":"t"}`},
		"/topics/%s?timeout=1s":                  {restText, `{"records":[{"value":"bad"}]}`},
		"/topics/%s/partitions/0":                {restText, `{"records":[{"value":"bad"}]}`},
		"/v3/clusters/c/topics/%s/records":       {"application/json", `{"key":{"type":"STRING","data":"bad"}}`},
		"/v3/clusters/c/topics/%s/records:batch": {"application/json", `{"entries":[{"id":"1","key":{"type":"STRING","data":"bad"}}]}`},
	}
	for name, topic := range map[string]string{
		"a NUL": "a%00b", "250 characters": strings.Repeat("a", 250), "10,000 characters": strings.Repeat("a", 10_000),
		"one dot": "%2e", "two dots": "%2e%2e", "half-encoded dots": ".%2E", "a slash": "a%2fb", "a way up": "%2e%2e%2fevents", "a space": "a%20b", "a line end": "a%0ab",
		"a letter that is not ASCII": "%C3%A4", "overlong dots": "%c0%ae", "invalid UTF-8": "%ff", "a percent sign": "a%25b", "a colon": "a:b",
	} {
		for path, request := range paths {
			t.Run(name+" "+path, func(t *testing.T) {
				status, answer := a.send(fmt.Sprintf(path, topic), request[1], "Content-Type", request[0])
				require.Equal(t, http.StatusUnprocessableEntity, status, answer)
				require.Contains(t, answer, "the path does not name a topic")
			})
		}
	}
	for _, topic := range []string{``, `.`, `..`, `a\u0000b`, `a/b`, `ä`, strings.Repeat("a", 250), `\n`} {
		status, answer := a.send("/produce", `{"content":"bad","topic":"`+topic+`"}`)
		require.Equal(t, http.StatusUnprocessableEntity, status, answer)
		require.Contains(t, answer, `"location":"body.topic","message":"is not a topic name`)
	}
	// Dots as they are never reach an endpoint: the server cleans paths.
	for _, path := range []string{"/topics/.", "/topics/..", "/topics/../produce", "/topics//events", "/topics/events/../events"} {
		status, answer := a.send(path, "bad")
		require.Equal(t, http.StatusTemporaryRedirect, status, "%s %s", path, answer)
	}
	for _, path := range []string{"/topics%2fevents", "/topics/", "/topics", "/topics/events/", "/%74opics/events%00/x", "/v3/clusters/c/topics/events/records%3abatch/x"} {
		status, answer := a.send(path, "bad")
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, status, "%s %s", path, answer)
	}
}

// bad is a request that is refused, and what the answer says.
type bad struct {
	path, media, body string
	status            int
	says              string
}

func (a *target) requireRefused(cases map[string]bad) {
	a.t.Helper()
	for name, c := range cases {
		a.t.Run(name, func(t *testing.T) {
			status, answer := a.send(c.path, c.body, "Content-Type", c.media)
			require.Equal(t, c.status, status, answer)
			require.Contains(t, answer, c.says)
		})
	}
}

const (
	v3Records = "/v3/clusters/c/topics/events/records"
	v3Batch   = v3Records + ":batch"
	jsonBody  = "application/json"
)

func TestPartitionsThatAreNone(t *testing.T) {
	a := newTarget(t)
	cases := map[string]bad{}
	for _, p := range []string{"-1", "2147483648", "99999999999999999999", "1.5", "1e0", "true", `"1"`, "-0.0", "{}"} {
		code, says := 400, "partition_id must be a whole number"
		if p == "-1" {
			code, says = 40402, "no partition -1"
		}
		fault := fmt.Sprintf(`"error_code":%d,"message":"`, code)
		for name, c := range map[string]bad{
			"query":    {"/topics/events?partition=" + p, "text/plain", "bad", 422, "query.partition"},
			"produce":  {"/produce", jsonBody, `{"content":"bad","partition":` + p + `}`, 422, "body.partition"},
			"v2":       {"/topics/events", restText, `{"records":[{"value":"bad","partition":` + p + `}]}`, 422, "records[0].partition"},
			"v2 path":  {"/topics/events/partitions/" + strings.Trim(p, `"`) + "x", restText, `{"records":[{"value":"bad"}]}`, 404, "40402"},
			"v3":       {v3Records, jsonBody, `{"key":{"type":"STRING","data":"bad"},"partition_id":` + p + `}`, 200, fault},
			"v3 says":  {v3Records, jsonBody, `{"key":{"type":"STRING","data":"bad"},"partition_id":` + p + `}`, 200, says},
			"v3 batch": {v3Batch, jsonBody, `{"entries":[{"id":"1","key":{"type":"STRING","data":"bad"},"partition_id":` + p + `}]}`, 207, fault},
			"event":    {"/topics/events?partition=" + p, "application/cloudevents+json", `{}`, 422, "query.partition"},
			"lines":    {"/topics/events?partition=" + p, "application/x-ndjson", `"bad"`, 422, "query.partition"},
		} {
			c.path = strings.ReplaceAll(c.path, `"`, "%22")
			cases[name+" "+p] = c
		}
	}
	cases["a partition that is not there"] = bad{"/topics/events?partition=4", "text/plain", "bad", 404, "only 0 to 3"}
	cases["the largest"] = bad{"/topics/events?partition=2147483647", "text/plain", "bad", 404, "only 0 to 3"}
	cases["the path's"] = bad{"/topics/events/partitions/2147483647", restText, `{"records":[{"value":"bad"}]}`, 404, "40402"}
	a.requireRefused(cases)
}

func TestTimestampsThatAreNone(t *testing.T) {
	a := newTarget(t)
	cases := map[string]bad{}
	add := func(name, text, number string) {
		cases["query "+name] = bad{"/topics/events?timestamp=" + strings.ReplaceAll(text, "+", "%2b"), "text/plain", "bad", 422, "query.timestamp"}
		cases["lines "+name] = bad{"/topics/events?timestamp=" + strings.ReplaceAll(text, "+", "%2b"), "application/x-ndjson", `"bad"`, 422, "query.timestamp"}
		cases["produce "+name] = bad{"/produce", jsonBody, `{"content":"bad","timestamp":` + number + `}`, 422, "body.timestamp"}
		cases["v2 "+name] = bad{"/topics/events", restText, `{"records":[{"value":"bad","timestamp":` + number + `}]}`, 422, "records[0].timestamp"}
		cases["v3 "+name] = bad{v3Records, jsonBody, `{"key":{"type":"STRING","data":"bad"},"timestamp":` + number + `}`, 200, "timestamp must be RFC 3339"}
	}
	for _, ms := range []string{"-1", "9223372036855", "9223372036854775807", "9223372036854775808", "1e400", "1.5", "true", "{}"} {
		add(ms, ms, ms)
	}
	for _, at := range []string{"1969-12-31T23:59:59.999Z", "2262-04-12T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00", "9999-12-31T23:59:59Z", "now", "0000-01-01T00:00:00+23:59"} {
		add(at, at, strconv.Quote(at))
	}
	ahead := time.Now().Add(49 * time.Hour).UnixMilli()
	cases["ahead of the topic's limit"] = bad{"/topics/events?timestamp=" + strconv.FormatInt(ahead, 10), "text/plain", "bad", 422, "ahead, topic events allows"}
	cases["v2 ahead"] = bad{"/topics/events", restText, fmt.Sprintf(`{"records":[{"value":"bad","timestamp":%d}]}`, ahead), 200, "50002"}
	a.requireRefused(cases)
}

// Of base64, the dialects of the REST Proxy take what its decoders do: without
// padding, and with bits that are left over. Nothing takes the URL's alphabet,
// white space or padding in the wrong place.
func TestBase64OfEveryWrongKind(t *testing.T) {
	a := newTarget(t)
	cases := map[string]bad{}
	for name, text := range map[string]string{
		"one character": `A`, "padding only": `=`, "too much padding": `A===`, "too little padding": `AA=`, "padding in the middle": `AA==AA==`, "padding first": `=AAA`,
		"a space": `A A=`, "a space after": `AAAA `, "a line end": `AA\nAA`, "a carriage return": `AA\rAA`, "the URL's alphabet": `-_-_`, "a letter that is not ASCII": `AAAä`,
		"an exclamation mark": `!`, "a NUL": `AA\u0000A`, "five characters": `AAAAA`,
	} {
		cases["v2 value "+name] = bad{"/topics/events", restBinary, `{"records":[{"key":"YmFk","value":"` + text + `"}]}`, 400, "records[0].value is not a base64 string"}
		cases["v2 key "+name] = bad{"/topics/events", restBinary, `{"records":[{"value":"YmFk","key":"` + text + `"}]}`, 400, "records[0].key is not a base64 string"}
		cases["v2 header "+name] = bad{"/topics/events", restText, `{"records":[{"value":"bad","headers":[{"key":"a","value":"` + text + `"}]}]}`, 400, "is not a base64 string"}
		cases["v3 value "+name] = bad{v3Records, jsonBody, `{"value":{"type":"BINARY","data":"` + text + `"}}`, 200, `{"error_code":400,"message":"data of value is not a base64 string"}`}
		cases["v3 key "+name] = bad{v3Batch, jsonBody, `{"entries":[{"id":"1","key":{"type":"BINARY","data":"` + text + `"}}]}`, 207, `"error_code":400,"message":"data of key is not a base64 string"`}
		cases["v3 header "+name] = bad{v3Records, jsonBody, `{"headers":[{"name":"a","value":"` + text + `"}]}`, 200, `"error_code":400,"message":"value of a header is not a base64 string"`}
		cases["event "+name] = bad{"/topics/events", "application/cloudevents+json", `{"id":"1","source":"/bad","specversion":"1.0","type":"t","data_base64":"` + text + `"}`, 422, "body.data_base64"}
	}
	for _, value := range []string{`1`, `true`, `{}`, `["YmFk"]`} {
		cases["v2 "+value] = bad{"/topics/events", restBinary, `{"records":[{"value":` + value + `}]}`, 400, "is not a base64 string"}
		cases["v3 "+value] = bad{v3Records, jsonBody, `{"value":{"type":"BINARY","data":` + value + `}}`, 200, "is not a base64 string"}
		cases["event "+value] = bad{"/topics/events", "application/cloudevents+json", `{"id":"1","source":"/bad","specversion":"1.0","type":"t","data_base64":` + value + `}`, 422, "body.data_base64"}
	}
	a.requireRefused(cases)
	for _, text := range []string{"A", "=", "A===", "AA=", "AA==AA==", "A A=", "-_-_", "!", "AAAAA", "AB=="} {
		status, answer := a.send("/topics/events", "bad", "Kafka-Key-Base64", text)
		require.Equal(t, http.StatusUnprocessableEntity, status, "%s: %s", text, answer)
		require.Contains(t, answer, "is not base64")
	}
}

// A few kilobytes that become 64 MiB are refused where they pass a limit.
func TestBombsInEveryDialect(t *testing.T) {
	a := newTarget(t)
	const size = 12 << 20 // more than a body may be
	long, white := strings.Repeat("b", size), strings.Repeat(" ", size)
	type bomb struct {
		body   string
		status int
		says   string
	}
	for _, w := range append(jsonWritings(), writing{"raw", "/topics/events", "text/plain", in("", ""), 0}) {
		c := bomb{w.embed(`"` + long + `"`), 413, "over the limit of "}
		spaces := bomb{white, 413, "over the limit of "}
		if w.name == "v3" {
			c.status, c.says = 200, `{"error_code":400,"message":"the record is over the limit of `
			spaces.status, spaces.says = 422, "the body holds no record"
		}
		for _, encoding := range []string{"gzip", "zstd"} {
			for name, c := range map[string]bomb{"a value": c, "white space": spaces} {
				t.Run(w.name+"/"+encoding+"/"+name, func(t *testing.T) {
					body := gzipped(t, c.body)
					if encoding == "zstd" {
						body = zstded(t, c.body, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
					}
					status, answer := a.send(w.path, body, "Content-Type", w.media, "Content-Encoding", encoding)
					require.Equal(t, c.status, status, answer)
					require.Contains(t, answer, c.says)
				})
			}
		}
		t.Run(w.name+"/zstd with a window of 64 MiB", func(t *testing.T) {
			status, answer := a.send(w.path, zstded(t, long, zstd.WithWindowSize(64<<20)), "Content-Type", w.media, "Content-Encoding", "zstd")
			require.Equal(t, http.StatusBadRequest, status, answer)
			require.Contains(t, answer, "8 MiB")
		})
		t.Run(w.name+"/gzip of gzip", func(t *testing.T) {
			status, answer := a.send(w.path, gzipped(t, gzipped(t, c.body)), "Content-Type", w.media, "Content-Encoding", "gzip, gzip")
			require.Equal(t, http.StatusUnsupportedMediaType, status, answer)
		})
	}
}

// A record that is larger than its topic takes is refused alone. That one of
// 10,000 in a request is wrong is tested with version 2.
func TestRecordsOverTheTopicsLimit(t *testing.T) {
	a := newTarget(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(a.Conn.Brokers...))
	require.NoError(t, err)
	defer client.Close()
	most := "1024"
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"max.message.bytes": &most}, "small")
	require.NoError(t, err)
	a.Await(func() bool { status, _ := a.send("/topics/small", "good"); return status == 200 })
	large := "bad" + strings.Repeat("x", 1000)
	const says = "the limit of topic small is "
	a.requireRefused(map[string]bad{
		"produce": {"/produce", jsonBody, `{"content":"` + large + `","topic":"small"}`, 413, says},
		"raw":     {"/topics/small", "text/plain", large, 413, says},
		"lines":   {"/topics/small", "application/x-ndjson", `"` + large + `"`, 413, says},
		"some":    {"/topics/small", "application/x-ndjson", `"` + large + `"` + "\n1", 207, says},
		"event":   {"/topics/small", "application/cloudevents+json", `{"id":"1","source":"/s","specversion":"1.0","type":"t","data":"` + large + `"}`, 413, says},
		"v2":      {"/topics/small", restText, `{"records":[{"value":"` + large + `"},{"value":"good"}]}`, 200, `"error_code":50002,"error":"the record has `},
		"v3":      {"/v3/clusters/c/topics/small/records", jsonBody, `{"value":{"type":"STRING","data":"` + large + `"}}`, 200, `{"error_code":400,"message":"the record has `},
		"batch":   {"/v3/clusters/c/topics/small/records:batch", jsonBody, `{"entries":[{"id":"1","value":{"type":"STRING","data":"` + large + `"}}]}`, 207, `"error_code":400,"message":"the record has `},
	})
	for value := range a.Values("small") {
		require.NotContains(t, value, "bad")
	}
	a.requireRefused(map[string]bad{
		"over our own limit": {"/topics/events", "text/plain", "bad" + strings.Repeat("x", 950<<10), 413, "the limit is 921600"},
		"headers count, too": {"/topics/events", restText, `{"records":[{"value":"bad` + strings.Repeat("x", 700<<10) + `","headers":[` +
			strings.Trim(strings.Repeat(`{"key":"a","value":"`+strings.Repeat("AAAA", 250)+`"},`, 300), ",") + `]}]}`, 200, `"error_code":50002`},
	})
}

// request is one of HTTP/1.1, line by line.
func request(path string, headers []string, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(headers, "", ""), "\r\n") + body
}

// What is wrong with HTTP itself.
func TestRequestsThatAreBroken(t *testing.T) {
	a := newTarget(t)
	chunked := []string{"Transfer-Encoding: chunked", "Content-Type: text/plain"}
	length := func(n int, others ...string) []string {
		return append([]string{"Content-Length: " + strconv.Itoa(n)}, others...)
	}
	for name, c := range map[string]struct {
		request  string
		statuses []int
		says     string
	}{
		"a header of 10 MiB":                  {request("/topics/events", length(3, "X: "+strings.Repeat("x", 10<<20)), "bad"), []int{431}, ""},
		"many headers":                        {request("/topics/events", length(3, strings.Split(strings.Repeat("X: y\n", 100_000), "\n")[:99_999]...), "bad"), []int{431}, ""},
		"a path of 100,000 characters":        {request("/topics/"+strings.Repeat("a", 100_000), length(3), "bad"), []int{431}, ""},
		"a length that is too long":           {request("/topics/events", length(100), "bad"), []int{400}, "cut off"},
		"produce, too long":                   {request("/produce", length(100), `{"content":"bad"}`), []int{400}, "cut off"},
		"v2, too long":                        {request("/topics/events", length(100, "Content-Type: "+restText), `{"records":[{"value":"bad"}]}`), []int{400}, `{"error_code":400,`},
		"v3, too long":                        {request(v3Records, length(100), `{"value":`), []int{200}, `{"error_code":400,`},
		"v3 batch, too long":                  {request(v3Batch, length(100), `{"entries":[{"id":"1"}]}`), []int{400}, `{"error_code":400,`},
		"lines, too long":                     {request("/topics/events", length(100, "Content-Type: application/x-ndjson"), "\"good\"\n\"bad\""), []int{207}, `"written":1,"failed":0,"unknown":0,"complete":false,"stopped":{"line":2,`},
		"a length that is too short":          {request("/produce", length(10), `{"content":"bad"}`), []int{400, 400}, ""},
		"a length that is negative":           {request("/topics/events", length(-1), "bad"), []int{400}, ""},
		"a length with a sign":                {request("/topics/events", []string{"Content-Length: +3"}, "bad"), []int{400}, ""},
		"a length beyond numbers":             {request("/topics/events", []string{"Content-Length: 99999999999999999999"}, "bad"), []int{400}, ""},
		"a length over the limit":             {request("/topics/events", length(1<<40), "bad"), []int{413}, "1048576"},
		"two lengths":                         {request("/topics/events", []string{"Content-Length: 3", "Content-Length: 4"}, "bad!"), []int{400}, ""},
		"two lengths in one":                  {request("/topics/events", []string{"Content-Length: 3, 4"}, "bad!"), []int{400}, ""},
		"a length and chunks":                 {request("/topics/events", append(length(3), chunked...), "3\r\nbad\r\n"), []int{400}, ""},
		"chunks of gzip":                      {request("/topics/events", []string{"Transfer-Encoding: gzip, chunked"}, "3\r\nbad\r\n0\r\n\r\n"), []int{501}, ""},
		"chunks said twice":                   {request("/topics/events", append(chunked, chunked...), "3\r\nbad\r\n0\r\n\r\n"), []int{501}, ""},
		"chunks in a name with a space":       {request("/topics/events", []string{"Transfer-Encoding : chunked"}, "3\r\nbad\r\n0\r\n\r\n"), []int{400}, ""},
		"chunks without an end":               {request("/topics/events", chunked, "3\r\nbad\r\n"), []int{400}, "cut off"},
		"a chunk that is cut off":             {request("/topics/events", chunked, "9\r\nbad"), []int{400}, "cut off"},
		"a chunk whose length is none":        {request("/topics/events", chunked, "zz\r\nbad\r\n0\r\n\r\n"), []int{400}, "cut off"},
		"a chunk whose length is negative":    {request("/topics/events", chunked, "-3\r\nbad\r\n0\r\n\r\n"), []int{400}, "cut off"},
		"a chunk whose length is huge":        {request("/topics/events", chunked, "ffffffffffffffffff\r\nbad\r\n0\r\n\r\n"), []int{400}, "cut off"},
		"a chunk that is longer than it says": {request("/topics/events", chunked, "2\r\nbad\r\n0\r\n\r\n"), []int{400}, "cut off"},
		"no host":                             {"POST /topics/events HTTP/1.1\r\nContent-Length: 3\r\n\r\nbad", []int{400}, ""},
		"two hosts":                           {request("/topics/events", length(3, "Host: localhost"), "bad"), []int{400}, ""},
		"a NUL in a header":                   {request("/topics/events", length(3, "X: a\x00b"), "bad"), []int{400}, ""},
		"a line end in a header's name":       {request("/topics/events", length(3, "X\ny: a"), "bad"), []int{400}, ""},
		"an expectation that is unknown":      {request("/topics/events", length(3, "Expect: 200-ok"), "bad"), []int{417}, ""},
		"an expectation of what is refused":   {request("/topics/a%20b", length(3, "Expect: 100-continue"), ""), []int{422}, "does not name a topic"},
		"HTTP/1.0 without a host":             {"POST /topics/events HTTP/1.0\r\nContent-Length: 3\r\n\r\nbad", []int{403}, "not one of its names"},
		"HTTP/0.9":                            {"POST /topics/events\r\n\r\nbad", []int{400}, ""},
		"HTTP/3.0":                            {"POST /topics/events HTTP/3.0\r\nHost: localhost\r\n\r\n", []int{505}, ""},
		"another protocol":                    {"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", []int{400}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			statuses, bodies := a.raw(c.request)
			require.NotEmpty(t, statuses)
			require.Equal(t, c.statuses, statuses, bodies)
			require.Contains(t, bodies, c.says)
		})
	}
}

// What is unusual and right.
func TestRequestsThatAreUnusual(t *testing.T) {
	a := newTarget(t)
	for name, c := range map[string]struct {
		request  string
		statuses []int
	}{
		"HTTP/1.0":              {"POST /produce HTTP/1.0\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{\"content\":\"good\"}", []int{200}},
		"a continuation":        {request("/topics/events", []string{"Content-Length: 4", "Expect: 100-continue"}, "good"), []int{100, 200}},
		"chunks with notes":     {request("/topics/events", []string{"Transfer-Encoding: chunked"}, "2;a=b\r\ngo\r\n2\r\nod\r\n0\r\nTrailer: x\r\n\r\n"), []int{200}},
		"two that are the same": {request("/topics/events", []string{"Content-Length: 4", "Content-Length: 4"}, "good"), []int{200}},
		"two, one after another": {request("/topics/events", []string{"Content-Length: 4"}, "good") +
			request("/produce", []string{"Content-Length: 18"}, `{"content":"good"}`), []int{200, 200}},
		"the whole URL":            {request("http://localhost/topics/events", []string{"Content-Length: 4"}, "good"), []int{200}},
		"an escape in the path":    {request("/%74opics/%65vents", []string{"Content-Length: 4"}, "good"), []int{200}},
		"a slash in the cluster":   {request("/v3/clusters/a%2fb/topics/events/records", []string{"Content-Length: 2"}, "{}"), []int{200}},
		"a query that is only '?'": {request("/produce?", []string{"Content-Length: 18"}, `{"content":"good"}`), []int{200}},
	} {
		t.Run(name, func(t *testing.T) {
			statuses, bodies := a.raw(c.request)
			require.Equal(t, c.statuses, statuses, bodies)
		})
	}
	_, bodies := a.raw(request("/v3/clusters/%22%3c%0a/topics/events/records", []string{"Content-Length: 2"}, "{}"))
	require.Contains(t, bodies, `"cluster_id":"\"<\n"`, "what stands in the path is quoted")
}

// Encoded bodies that are cut off, or are not what they say.
func TestEncodedBodiesThatAreBroken(t *testing.T) {
	a := newTarget(t)
	for _, w := range append(jsonWritings(), writing{"raw", "/topics/events", "text/plain", in("", ""), 0}) {
		value := "bad"
		if w.status == http.StatusOK {
			value = "good" // A stream has taken it before the end is seen to be broken.
		}
		whole := w.embed(`"` + strings.Repeat(value, 2000) + `"`)
		for encoding, body := range map[string]string{"gzip": gzipped(t, whole), "zstd": zstded(t, whole)} {
			flipped := []byte(body)
			flipped[len(flipped)-1] ^= 0xff // Of the checksum, or of the length.
			for name, broken := range map[string]string{
				"cut in half": body[:len(body)/2], "a byte short": body[:len(body)-1], "a byte wrong": string(flipped),
				"nothing": "", "one byte": body[:1], "not encoded": whole, "more after it": body + "bad",
			} {
				t.Run(w.name+"/"+encoding+"/"+name, func(t *testing.T) {
					status, answer := a.send(w.path, broken, "Content-Type", w.media, "Content-Encoding", encoding)
					if w.status == http.StatusOK && status == http.StatusOK {
						require.Contains(t, answer, `"error_code":400`)
						return
					}
					require.Contains(t, []int{400, 207}, status, answer)
				})
			}
		}
	}
}
