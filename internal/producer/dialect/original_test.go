package dialect_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is what a request was answered, in both of its forms.
type answer struct {
	code   int
	header http.Header

	Status    json.RawMessage
	Content   string
	Topic     string
	Partition int32
	Offset    int64
	Timestamp *time.Time
	Detail    string
	Error     string
	Written   string
	Errors    []httpserver.FieldError
}

func post(t *testing.T, w *producer.Writer, body io.Reader, change func(*http.Request)) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/produce", body)
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	dialect.NewOriginal(w).ServeHTTP(rec, r)
	a := answer{code: rec.Code, header: rec.Header()}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &a), rec.Body.String())
	return a
}

func send(t *testing.T, w *producer.Writer, body string) answer {
	return post(t, w, strings.NewReader(body), nil)
}

// last reads the newest record of a partition.
func last(t *testing.T, w *producertest.World, a answer) *kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Conn.Brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		a.Topic: {a.Partition: kgo.NewOffset().At(a.Offset)},
	}))
	require.NoError(t, err)
	defer client.Close()
	records := client.PollFetches(context.Background()).Records()
	require.NotEmpty(t, records)
	return records[0]
}

func TestOriginalContract(t *testing.T) {
	w := producertest.New(t, nil)
	a := send(t, w.Writer, `{"content": "Test message from Makefile"}`)
	require.Equal(t, http.StatusOK, a.code)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.JSONEq(t, `"message sent"`, string(a.Status))
	require.Equal(t, "Test message from Makefile", a.Content)
	require.Equal(t, producertest.Topic, a.Topic)
	require.NotNil(t, a.Timestamp)
	require.Equal(t, "Test message from Makefile", string(last(t, w, a).Value))
}

func TestOriginalValuesArriveUnchanged(t *testing.T) {
	w := producertest.New(t, nil)
	for name, c := range map[string]struct{ body, want string }{
		"canonical":       {`{"content":"plain"}`, "plain"},
		"empty":           {`{"content":""}`, ""},
		"white space":     {" {\n\t\"content\" : \"a b\" } \n", "a b"},
		"escapes":         {`{"content":"a\"b\\c\/\b\f\n\r\tA\u0041"}`, "a\"b\\c/\b\f\n\r\tAA"},
		"surrogate pair":  {`{"content":"\ud83d\ude00"}`, "😀"},
		"raw UTF-8":       {`{"content":"grüße 😀"}`, "grüße 😀"},
		"escaped NUL":     {`{"content":"a\u0000b"}`, "a\x00b"},
		"other member":    {`{"content":"x","topic":"events"}`, "x"},
		"looks canonical": {`{"content":"x","key":"y"}`, "x"},
		"nulls":           {`{"content":"x","topic":null,"key":null,"partition":null,"timestamp":null,"headers":null}`, "x"},
		"100 KB":          {`{"content":"` + strings.Repeat("x", 100_000) + `"}`, strings.Repeat("x", 100_000)},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, w.Writer, c.body)
			require.Equal(t, http.StatusOK, a.code, a.Detail)
			require.Equal(t, c.want, a.Content)
			r := last(t, w, a)
			require.Equal(t, c.want, string(r.Value))
			require.NotNil(t, r.Value, "an empty value is not a tombstone")
		})
	}
}

func TestOriginalMembers(t *testing.T) {
	w := producertest.New(t, nil)
	a := send(t, w.Writer, `{"content":"v","key":"k\u00e4y","partition":3,"timestamp":"2024-05-06T07:08:09.123456Z","headers":{"b":"2","a":"\u0031"}}`)
	require.Equal(t, http.StatusOK, a.code, a.Detail)
	r := last(t, w, a)
	require.Equal(t, "käy", string(r.Key))
	require.EqualValues(t, 3, r.Partition)
	require.Equal(t, "2024-05-06T07:08:09.123Z", r.Timestamp.UTC().Format(time.RFC3339Nano))
	require.Equal(t, []kgo.RecordHeader{{Key: "b", Value: []byte("2")}, {Key: "a", Value: []byte("1")}}, r.Headers)
	require.True(t, r.Timestamp.Equal(*a.Timestamp))

	a = send(t, w.Writer, `{"content":"v","key":"","timestamp":1700000000123}`)
	require.Equal(t, http.StatusOK, a.code, a.Detail)
	r = last(t, w, a)
	require.NotNil(t, r.Key, "the empty key is not the null key")
	require.EqualValues(t, 1700000000123, r.Timestamp.UnixMilli())

	a = send(t, w.Writer, `{"content":"v"}`)
	require.Nil(t, last(t, w, a).Key)
}

func TestOriginalRefuses(t *testing.T) {
	w := producertest.New(t, nil)
	for name, c := range map[string]struct {
		body   string
		code   int
		fields []string
	}{
		"nothing":                {"", 422, []string{"body.content"}},
		"white space":            {" \n", 422, []string{"body.content"}},
		"no content":             {`{}`, 422, []string{"body.content"}},
		"null content":           {`{"content":null}`, 422, []string{"body.content"}},
		"number":                 {`{"content":1}`, 422, []string{"body.content"}},
		"object":                 {`{"content":{"a":1}}`, 422, []string{"body.content"}},
		"not an object":          {`["content"]`, 422, []string{"body"}},
		"a string":               {`"content"`, 422, []string{"body"}},
		"misspelt":               {`{"content":"x","partiton":1}`, 422, []string{"body.partiton"}},
		"every wrong field":      {`{"key":1,"topic":"a/b","partition":-1,"extra":0}`, 422, []string{"body.key", "body.topic", "body.partition", "body.extra", "body.content"}},
		"case matters":           {`{"Content":"x"}`, 422, []string{"body.Content", "body.content"}},
		"fraction of partition":  {`{"content":"x","partition":1.5}`, 422, []string{"body.partition"}},
		"huge partition":         {`{"content":"x","partition":2147483648}`, 422, []string{"body.partition"}},
		"unknown partition":      {`{"content":"x","partition":2147483647}`, 404, nil},
		"unknown topic":          {`{"content":"x","topic":"nowhere"}`, 404, nil},
		"topic ..":               {`{"content":"x","topic":".."}`, 422, []string{"body.topic"}},
		"topic with NUL":         {`{"content":"x","topic":"a\u0000"}`, 422, []string{"body.topic"}},
		"long topic":             {`{"content":"x","topic":"` + strings.Repeat("t", 250) + `"}`, 422, []string{"body.topic"}},
		"time before 1970":       {`{"content":"x","timestamp":-1}`, 422, []string{"body.timestamp"}},
		"time after 2262":        {`{"content":"x","timestamp":9223372036855}`, 422, []string{"body.timestamp"}},
		"time as a word":         {`{"content":"x","timestamp":"now"}`, 422, []string{"body.timestamp"}},
		"time as a fraction":     {`{"content":"x","timestamp":1.5}`, 422, []string{"body.timestamp"}},
		"time too far ahead":     {`{"content":"x","timestamp":"2200-01-01T00:00:00Z"}`, 422, nil},
		"header not a string":    {`{"content":"x","headers":{"a":1}}`, 422, []string{"body.headers.a"}},
		"headers not an object":  {`{"content":"x","headers":["a"]}`, 422, []string{"body.headers"}},
		"header that is B's":     {`{"content":"x","headers":{"x-dlq-handler":"me"}}`, 422, []string{"body.headers.x-dlq-handler"}},
		"malformed":              {`{"content":"x"`, 400, nil},
		"more after it":          {`{"content":"x"} {}`, 400, nil},
		"duplicate":              {`{"content":"x","content":"y"}`, 400, nil},
		"duplicate header":       {`{"content":"x","headers":{"a":"1","a":"2"}}`, 400, nil},
		"lone surrogate":         {`{"content":"\ud83d"}`, 400, nil},
		"invalid UTF-8":          {"{\"content\":\"\xff\"}", 400, nil},
		"raw control character":  {"{\"content\":\"a\nb\"}", 400, nil},
		"not JSON at all":        {`content=x`, 400, nil},
		"100,000 levels":         {`{"content":` + strings.Repeat("[", 100_000), 400, nil},
		"100,000 levels, closed": {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), 400, nil},
		"over the record limit":  {`{"content":"` + strings.Repeat("x", 1<<20) + `"}`, 413, nil},
		"over the body limit":    {`{"content":"` + strings.Repeat("x", 10<<20) + `"}`, 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var a answer
			// A slow machine may not have told in time whether there is such a topic.
			w.Await(func() bool { a = send(t, w.Writer, c.body); return a.code != http.StatusServiceUnavailable })
			require.Equal(t, c.code, a.code, a.Detail)
			require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
			require.Equal(t, "no", a.Written)
			require.NotEmpty(t, a.Detail)
			require.Equal(t, a.Detail, a.Error)
			var fields []string
			for _, f := range a.Errors {
				fields = append(fields, f.Location)
				require.NotEmpty(t, f.Message)
			}
			require.Equal(t, c.fields, fields)
		})
	}
	require.Empty(t, w.Values(producertest.Topic))
}

func TestOriginalRequestHeaders(t *testing.T) {
	w := producertest.New(t, nil)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   int
	}{
		"JSON":                 {set("Content-Type", "application/json"), 200},
		"JSON with a charset":  {set("Content-Type", "Application/JSON; charset=utf-8"), 200},
		"none":                 {nil, 200},
		"a form":               {set("Content-Type", "application/x-www-form-urlencoded"), 415},
		"malformed":            {set("Content-Type", "application/"), 415},
		"identity":             {set("Content-Encoding", "identity"), 200},
		"an encoding":          {set("Content-Encoding", "br"), 415},
		"an idempotency key":   {set("Idempotency-Key", "1"), 400},
		"an unknown parameter": {func(r *http.Request) { r.URL.RawQuery = "partition=1" }, 422},
		"a record's header":    {set("Kafka-Key", "a"), 422},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.code, post(t, w.Writer, strings.NewReader(`{"content":"x"}`), c.change).code)
		})
	}
}

func TestOriginalBodiesOfUnknownLength(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Limits.Body = 100 * units.KiB })
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	for _, size := range []int{0, 1, 1000, 16<<10 - 14, 16 << 10, 33_333, 100<<10 - 14} {
		body := `{"content":"` + strings.Repeat("x", size) + `"}`
		a := post(t, w.Writer, iotest.HalfReader(strings.NewReader(body)), chunked)
		require.Equal(t, http.StatusOK, a.code, "%d bytes: %s", size, a.Detail)
		require.Len(t, a.Content, size)
	}
	a := post(t, w.Writer, strings.NewReader(strings.Repeat(" ", 100<<10+1)), chunked)
	require.Equal(t, http.StatusRequestEntityTooLarge, a.code)
	require.Contains(t, a.Detail, "102400")
	a = post(t, w.Writer, io.MultiReader(strings.NewReader(`{"content":"x"`), iotest.ErrReader(io.ErrUnexpectedEOF)), chunked)
	require.Equal(t, http.StatusBadRequest, a.code)
	require.Contains(t, a.Detail, "cut off")
}

// Every refusal gives back what it took: after any mix of them there is room.
func TestOriginalBudget(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) {
		c.Limits.Body, c.Limits.InFlight, c.Limits.Requests = 64*units.KiB, 64*units.KiB, 4
		c.Timeout = time.Minute
	})
	held, release := w.HoldProduce()
	big := `{"content":"` + strings.Repeat("x", 40<<10) + `"}`
	var wg sync.WaitGroup
	wg.Go(func() { require.Equal(t, 200, send(t, w.Writer, big).code) })
	<-held
	a := send(t, w.Writer, big)
	require.Equal(t, 503, a.code)
	require.Contains(t, a.Detail, "in flight")
	require.Equal(t, "no", a.Written)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	// Growing beyond what is left is refused as well.
	a = post(t, w.Writer, strings.NewReader(big), func(r *http.Request) { r.ContentLength = -1 })
	require.Equal(t, 503, a.code)
	require.Contains(t, a.Detail, "in flight")
	release()
	wg.Wait()
	for _, body := range []string{"{", big[1:], `{"content":1}`, `{"content":"x","topic":"nowhere"}`, strings.Repeat(" ", 64<<10) + "  "} {
		for range 20 {
			require.NotContains(t, send(t, w.Writer, body).Detail, "in flight")
		}
	}
	require.Equal(t, 200, send(t, w.Writer, big).code)
}

func TestOriginalBeforeTheFirstConnection(t *testing.T) {
	cfg := producer.DefaultConfig()
	w := producer.NewWriter(cfg, kafka.Config{Brokers: []string{"127.0.0.1:1"}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	a := send(t, w, `{"content":"x"}`)
	require.Equal(t, http.StatusServiceUnavailable, a.code)
	require.Equal(t, "Kafka producer is not started", a.Error)
	require.Equal(t, "no", a.Written)
	w.Close(context.Background())
	require.Equal(t, "the service is being stopped", send(t, w, `{"content":"x"}`).Error)
}

func TestOriginalWhileKafkaIsAway(t *testing.T) {
	w := producertest.New(t, nil)
	require.Equal(t, 200, send(t, w.Writer, `{"content":"x"}`).code)
	w.Cluster.Close()
	w.Await(func() bool { return w.Writer.Ready() != nil })
	a := send(t, w.Writer, `{"content":"x"}`)
	require.Equal(t, http.StatusServiceUnavailable, a.code)
	require.Equal(t, "no", a.Written)
	require.Equal(t, "Kafka is not available", a.Error)
	require.ErrorIs(t, w.Writer.Ready(), kafka.ErrAway)
}

func TestOriginalOnATopicThatTheBrokersStamp(t *testing.T) {
	w := producertest.New(t, nil)
	require.NoError(t, w.Cluster.CreateTopic("stamped", 1, map[string]string{"message.timestamp.type": "LogAppendTime"}))
	w.Know("stamped")
	a := send(t, w.Writer, `{"content":"x","topic":"stamped","timestamp":1}`)
	require.Equal(t, 200, a.code, a.Detail)
	require.Nil(t, a.Timestamp, "we do not know it, so we do not say it")
}

// The parser that reads the usual shape by hand must agree with the strict one
// on everything.
func FuzzOriginal(f *testing.F) {
	for _, seed := range []string{
		`{"content":"x"}`, `{"content":"\""}`, `{"content":"\u00e4"}`, `{"content":"x","key":"y"}`, "{\"content\":\"\xc3\x28\"}",
		`{"content":"x"} `, `{"content":"","headers":{"a":"b"},"timestamp":"2024-01-01T00:00:00Z","partition":1}`, `{"content":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		topic, record, code := dialect.Decode(w.Writer, body)
		// A space before the body keeps the shortcut from being taken.
		strictTopic, strict, strictCode := dialect.Decode(w.Writer, append([]byte(" "), body...))
		require.Equal(t, strictCode, code)
		require.Equal(t, strictTopic, topic)
		require.Equal(t, strict, record)
	})
}
