package dialect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	restJSON   = "application/vnd.kafka.json.v2+json"
	restBinary = "application/vnd.kafka.binary.v2+json"
	restText   = "application/vnd.kafka.text.v2+json"
	restV2     = "application/vnd.kafka.v2+json"
)

// proxy is the REST Proxy's dialect in front of a cluster.
type proxy struct {
	*producertest.World
	t         *testing.T
	writer    *producer.Writer
	principal *access.Principal // of every request; nil is anybody
}

func newProxy(t *testing.T, change func(*producer.Config), opts ...kfake.Opt) *proxy {
	t.Helper()
	w := producertest.New(t, change, opts...)
	return &proxy{World: w, t: t, writer: w.Writer}
}

// reply is what a request was answered.
type reply struct {
	code   int
	header http.Header
	body   string

	Offsets []struct {
		Partition *int32
		Offset    *int64
		ErrorCode *int `json:"error_code"`
		Error     *string
	}
	ErrorCode int `json:"error_code"`
	Message   string
}

func (p *proxy) do(method, path string, body []byte, headers ...string) reply {
	p.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if p.principal != nil {
		r = r.WithContext(access.With(r.Context(), p.principal))
	}
	mux := http.NewServeMux()
	mux.Handle("POST /topics/{topic}", dialect.NewTopic(p.writer))
	mux.Handle("POST /topics/{topic}/partitions/{partition}", dialect.NewPartition(p.writer))
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	a := reply{code: rec.Code, header: rec.Header(), body: rec.Body.String()}
	require.NoError(p.t, json.Unmarshal(rec.Body.Bytes(), &a), a.body)
	return a
}

// produce sends a body to a path below /topics/.
func (p *proxy) produce(path, media, body string, headers ...string) reply {
	p.t.Helper()
	return p.do(http.MethodPost, "/topics/"+path, []byte(body), append(headers, "Content-Type", media)...)
}

// written reads the record that the i-th result speaks of.
func (p *proxy) written(a reply, i int) *kgo.Record {
	p.t.Helper()
	require.Equal(p.t, 200, a.code, a.body)
	require.Nil(p.t, a.Offsets[i].ErrorCode, a.body)
	return last(p.t, p.World, answer{Topic: producertest.Topic, Partition: *a.Offsets[i].Partition, Offset: *a.Offsets[i].Offset})
}

// principalOf is somebody who may do this.
func principalOf(t *testing.T, grant access.Grant) *access.Principal {
	t.Helper()
	grant.Name = "shop"
	key, line, err := access.NewKey(grant.Name, time.Now())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
	a, err := access.New(access.Config{KeysFile: file, Principals: access.Grants{grant}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Api-Key", key)
	who, err := a.Authenticate(r)
	require.NoError(t, err)
	return who
}

func TestREST2Contract(t *testing.T) {
	p := newProxy(t, nil)
	a := p.produce("events", restJSON, `{"records":[{"key":"k","value":{"a":1},"partition":2},{"value":"v","partition":2}]}`)
	require.Equal(t, 200, a.code, a.body)
	require.Equal(t, restV2, a.header.Get("Content-Type"))
	require.JSONEq(t, `{"offsets":[{"partition":2,"offset":0,"error_code":null,"error":null},{"partition":2,"offset":1,"error_code":null,"error":null}],"key_schema_id":null,"value_schema_id":null}`, a.body)
	require.Equal(t, `"k"`, string(p.written(a, 0).Key))
	require.Equal(t, `{"a":1}`, string(p.written(a, 0).Value))
	require.Nil(t, p.written(a, 1).Key)
}

func TestREST2EveryMemberOfARecord(t *testing.T) {
	p := newProxy(t, nil)
	a := p.produce("events/partitions/1", restBinary, `{"key_schema":null,"value_schema":null,"key_schema_id":null,"value_schema_id":null,"records":[
		{"key":"aw==","value":"dg","timestamp":1700000000123,"headers":[{"key":"a","value":"MQ=="},{"key":"\u0062","value":null},{"value":"","key":"c"},{"key":"d"}]},
		{"value":null,"key":null,"partition":null,"timestamp":null,"headers":null},
		{"key":"","value":"","partition":3,"headers":[],"timestamp":0},
		{}]}`)
	first := p.written(a, 0)
	require.EqualValues(t, 1, first.Partition, "the path's")
	require.Equal(t, "k", string(first.Key))
	require.Equal(t, "v", string(first.Value))
	require.EqualValues(t, 1700000000123, first.Timestamp.UnixMilli())
	require.Equal(t, []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "c", Value: []byte{}}, {Key: "d"}}, first.Headers)

	nulls := p.written(a, 1)
	require.Nil(t, nulls.Key)
	require.Nil(t, nulls.Value)
	require.EqualValues(t, 1, nulls.Partition)
	require.WithinDuration(t, time.Now(), nulls.Timestamp, time.Hour)

	empty := p.written(a, 2)
	require.NotNil(t, empty.Key)
	require.NotNil(t, empty.Value)
	require.EqualValues(t, 3, empty.Partition, "the record's own")
	require.Zero(t, empty.Timestamp.UnixMilli())

	require.Nil(t, p.written(a, 3).Value, "a record that says nothing")
}

func TestREST2Refuses(t *testing.T) {
	p := newProxy(t, func(c *producer.Config) { c.Limits.Body = 512 * units.KiB })
	p.Know("nowhere")
	one := `{"records":[{"value":"eA=="}]}`
	with := func(record string) string { return `{"records":[` + record + `]}` }
	for name, c := range map[string]struct {
		path, media, body string
		status, code      int
		message           string
	}{
		"{}":                               {"events", restJSON, `{}`, 422, 422, "records"},
		"no body":                          {"events", restJSON, ``, 422, 422, "empty"},
		"white space":                      {"events", restJSON, " \n", 422, 422, "empty"},
		"null body":                        {"events", restJSON, ` null `, 422, 422, "null"},
		"no records":                       {"events", restJSON, `{"records":[]}`, 422, 422, "records"},
		"null records":                     {"events", restJSON, `{"records":null}`, 422, 422, "records"},
		"unknown field":                    {"events", restJSON, `{"record":[]}`, 422, 422, "Unrecognized field: record"},
		"unknown field of a record":        {"events", restJSON, with(`{"value":1,"x":2}`), 422, 422, "Unrecognized field: x"},
		"case of a field":                  {"events", restJSON, with(`{"Value":1}`), 422, 422, "Unrecognized field: Value"},
		"escaped unknown field":            {"events", restJSON, with(`{"\u0078":1}`), 422, 422, "Unrecognized field: x"},
		"long unknown field":               {"events", restJSON, with(`{"` + strings.Repeat("x", 2000) + `":1}`), 422, 422, "x…"},
		"long escaped unknown field":       {"events", restJSON, with(`{"` + strings.Repeat(`\n`, 2000) + `":1}`), 422, 422, "Unrecognized field"},
		"unknown field of a header":        {"events", restJSON, with(`{"headers":[{"name":"x"}]}`), 422, 422, "Unrecognized field: name"},
		"headers an object":                {"events", restJSON, with(`{"headers":{"a":"b"}}`), 422, 422, "records[0].headers must be an array"},
		"header a string":                  {"events", restJSON, with(`{"headers":["a"]}`), 422, 422, "records[0].headers must be an array of objects"},
		"header without a key":             {"events", restJSON, with(`{"headers":[{"value":""}]}`), 422, 422, "without a key"},
		"header with a null key":           {"events", restJSON, with(`{"headers":[{"key":null}]}`), 422, 422, "not a string"},
		"header that is B's":               {"events", restJSON, with(`{"headers":[{"key":"x-dlq-handler"}]}`), 422, 422, "must not begin"},
		"negative partition":               {"events", restJSON, with(`{"partition":-1}`), 422, 422, "records[0].partition"},
		"fraction of a partition":          {"events", restJSON, with(`{},{"partition":1.5}`), 422, 422, "records[1].partition"},
		"partition beyond 32 bits":         {"events", restJSON, with(`{"partition":2147483648}`), 422, 422, "records[0].partition"},
		"partition a string":               {"events", restJSON, with(`{"partition":"1"}`), 422, 422, "records[0].partition"},
		"time before 1970":                 {"events", restJSON, with(`{"timestamp":-1}`), 422, 422, "records[0].timestamp"},
		"time after 2262":                  {"events", restJSON, with(`{"timestamp":9223372036855}`), 422, 422, "records[0].timestamp"},
		"time beyond 64 bits":              {"events", restJSON, with(`{"timestamp":92233720368547758079}`), 422, 422, "records[0].timestamp"},
		"time as text":                     {"events", restJSON, with(`{"timestamp":"2024-01-01T00:00:00Z"}`), 422, 422, "records[0].timestamp"},
		"a schema with JSON":               {"events", restJSON, `{"key_schema":"x","records":[{}]}`, 422, 422, "key_schema must be null"},
		"Avro keys without schema":         {"events", "application/vnd.kafka.avro.v2+json", with(`{"key":1}`), 422, 42201, "no key_schema"},
		"Avro values without schema":       {"events", "application/vnd.kafka.avro.v2+json", with(`{"value":1}`), 422, 42202, "no value_schema"},
		"Avro values with a schema":        {"events", "application/vnd.kafka.avro.v2+json", `{"value_schema":"x","records":[{"value":1}]}`, 422, 42202, "no schema registry"},
		"Avro keys with a schema id":       {"events", "application/vnd.kafka.avro.v2+json", `{"key_schema_id":1,"records":[{"key":1}]}`, 422, 42201, "no schema registry"},
		"Avro tombstone":                   {"events", "application/vnd.kafka.avro.v2+json", with(`{}`), 422, 42202, "no schema registry"},
		"Protobuf":                         {"events", "application/vnd.kafka.protobuf.v2+json", with(`{"value":1}`), 422, 42202, "no value_schema"},
		"JSON Schema":                      {"events", "application/vnd.kafka.jsonschema.v2+json", with(`{"value":1}`), 422, 42202, "no value_schema"},
		"Avro that is malformed":           {"events", "application/vnd.kafka.avro.v2+json", `{`, 400, 400, "not valid JSON"},
		"cut off":                          {"events", restJSON, with(`{"value":1}`)[:20], 400, 400, "not valid JSON"},
		"not JSON":                         {"events", restJSON, `value=1`, 400, 400, "not valid JSON"},
		"not JSON inside":                  {"events", restJSON, with(`{"value":01}`), 400, 400, "not valid JSON"},
		"no value after a name":            {"events", restJSON, with(`{"headers":}`), 400, 400, "not valid JSON"},
		"a name that is a number":          {"events", restJSON, with(`{1:2}`), 400, 400, "not valid JSON"},
		"comma at the end":                 {"events", restJSON, with(`{},`), 400, 400, "not valid JSON"},
		"more after it":                    {"events", restJSON, one + `{}`, 400, 400, "more after"},
		"duplicate name":                   {"events", restJSON, with(`{"value":1,"value":2}`), 400, 400, "duplicate"},
		"duplicate name in a value":        {"events", restJSON, with(`{"value":{"a":1,"a":2}}`), 400, 400, "duplicate"},
		"duplicate records":                {"events", restJSON, `{"records":[{}],"records":[{}]}`, 400, 400, "duplicate"},
		"duplicate by an escape":           {"events", restJSON, with(`{"value":1,"\u0076alue":2}`), 400, 400, "duplicate"},
		"invalid UTF-8":                    {"events", restJSON, with("{\"value\":\"\xff\"}"), 400, 400, "not valid JSON"},
		"lone surrogate":                   {"events", restText, with(`{"value":"\ud800"}`), 400, 400, "not valid JSON"},
		"body an array":                    {"events", restJSON, `[{}]`, 400, 400, "must be a JSON object"},
		"body a string":                    {"events", restJSON, `"x"`, 400, 400, "must be a JSON object"},
		"records an object":                {"events", restJSON, `{"records":{}}`, 400, 400, "records must be an array"},
		"a record is a string":             {"events", restJSON, with(`{},"x"`), 400, 400, "records[1] is not a JSON object"},
		"a record is null":                 {"events", restJSON, with(`null`), 400, 400, "records[0] is not a JSON object"},
		"100,000 levels":                   {"events", restJSON, with(`{"value":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`), 400, 400, "depth"},
		"100,000 levels at the top":        {"events", restJSON, strings.Repeat("[", 100_000), 400, 400, "not valid JSON"},
		"bad base64 value":                 {"events", restBinary, with(`{"value":"eA=x"}`), 400, 400, "records[0].value is not a base64 string"},
		"bad base64 key":                   {"events", restV2, with(`{"key":"-_"}`), 400, 400, "records[0].key is not a base64 string"},
		"base64 with a line end":           {"events", restBinary, with(`{"value":"eA\n=="}`), 400, 400, "records[0].value is not a base64 string"},
		"base64 of one character":          {"events", restBinary, with(`{"value":"e"}`), 400, 400, "records[0].value is not a base64 string"},
		"base64 that is a number":          {"events", restBinary, with(`{"value":1}`), 400, 400, "records[0].value is not a base64 string"},
		"bad base64 header":                {"events", restJSON, with(`{"headers":[{"key":"a","value":"!"}]}`), 400, 400, "is not a base64 string"},
		"text that is a number":            {"events", restText, with(`{"value":1}`), 400, 400, "records[0].value is not a string"},
		"unknown kind of Kafka type":       {"events", "application/vnd.kafka.xml.v2+json", one, 415, 415, "content type"},
		"version 1":                        {"events", "application/vnd.kafka.binary.v1+json", one, 415, 415, "content type"},
		"anything else to a partition":     {"events/partitions/1", "application/json", one, 415, 415, "content type"},
		"no content type to a partition":   {"events/partitions/1", "", one, 415, 415, "content type"},
		"body over the limit":              {"events", restJSON, with(`{"value":"` + strings.Repeat("x", 512<<10) + `"}`), 413, 413, "524288"},
		"unknown parameter":                {"events?partiton=1", restJSON, one, 422, 422, "query.partiton unknown parameter"},
		"no topic name":                    {"a%2Fb", restJSON, one, 422, 422, "topic name"},
		"no topic name, with a partition":  {"../partitions/1", restJSON, one, 422, 422, "topic name"},
		"unknown topic":                    {"nowhere", restJSON, one, 404, 40401, "nowhere"},
		"unknown topic, with a partition":  {"nowhere/partitions/0", restJSON, one, 404, 40401, "nowhere"},
		"unknown partition":                {"events/partitions/4", restJSON, one, 404, 40402, "only 0 to 3"},
		"partition of the path beats none": {"events/partitions/4", restJSON, with(`{"partition":0}`), 404, 40402, "only 0 to 3"},
		"partition that is a word":         {"events/partitions/x", restJSON, one, 404, 40402, "partition"},
		"negative partition in the path":   {"events/partitions/-1", restJSON, one, 404, 40402, "partition"},
		"unknown partition of every one":   {"events", restJSON, with(`{"partition":4},{"partition":5}`), 404, 40402, "only 0 to 3"},
	} {
		t.Run(name, func(t *testing.T) {
			path := strings.Replace(c.path, "..", "%2E%2E", 1) // The mux would clean it.
			var a reply
			// A slow machine may not have told in time whether there is such a topic.
			p.Await(func() bool {
				a = p.produce(path, c.media, c.body)
				return a.code != http.StatusServiceUnavailable
			})
			require.Equal(t, c.status, a.code, a.body)
			require.Equal(t, c.code, a.ErrorCode)
			require.Contains(t, a.Message, c.message)
			require.Equal(t, restV2, a.header.Get("Content-Type"))
			require.JSONEq(t, fmt.Sprintf(`{"error_code":%d,"message":%q}`, c.code, a.Message), a.body, "and nothing else")
		})
	}
	require.Empty(t, p.Values(producertest.Topic))
}

func TestREST2ContentTypes(t *testing.T) {
	p := newProxy(t, nil)
	for media, want := range map[string]string{
		restJSON:                                `"eA=="`,
		restText:                                `eA==`,
		restBinary:                              `x`,
		restV2:                                  `x`,
		"application/vnd.kafka+json":            `x`,
		restJSON + "; charset=utf-8":            `"eA=="`,
		"Application/vnd.Kafka.JSON.v2+json":    `"eA=="`,
		restText + "; charset=\"utf-8":          `eA==`,
		restText + " ; charset=ISO-8859-1; a=b": `eA==`,
	} {
		a := p.produce("events", media, `{"records":[{"value":"eA=="}]}`)
		require.Equal(t, want, string(p.written(a, 0).Value), media)
	}
}

func TestREST2Accept(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                restV2,
		"*/*":                             restV2,
		"application/*":                   restV2,
		restV2:                            restV2,
		"application/vnd.kafka+json":      "application/vnd.kafka+json",
		"application/json":                "application/json",
		"APPLICATION/JSON; charset=utf-8": "application/json",
		"text/html, application/json;q=0.5, */*;q=0.1":   "application/json",
		restV2 + "; q=0.9, application/json; q=0.1":      restV2,
		restV2 + ";q=0.1, application/json;q=0.2":        "application/json",
		restV2 + ";q=0, */*":                             "application/vnd.kafka+json",
		"application/*;q=0.5, */*":                       restV2,
		"application/json;q=2":                           "application/json",
		"text/html":                                      "",
		"application/json;q=0":                           "",
		"*/*;q=0.0":                                      "",
		"application/vnd.kafka.v3+json, application/xml": "",
	} {
		media, ok := dialect.Negotiate(accept)
		require.Equal(t, want, media, accept)
		require.Equal(t, want != "", ok, accept)
	}
	media, ok := dialect.Negotiate("text/html", "application/json")
	require.True(t, ok)
	require.Equal(t, "application/json", media, "two headers are one")
	media, ok = dialect.Negotiate()
	require.True(t, ok)
	require.Equal(t, restV2, media)

	p := newProxy(t, nil)
	a := p.produce("events", restJSON, `{"records":[{"value":1}]}`, "Accept", "text/html")
	require.Equal(t, 406, a.code)
	require.Equal(t, 406, a.ErrorCode)
	require.Equal(t, restV2, a.header.Get("Content-Type"))
	require.Empty(t, p.Values(producertest.Topic))
	a = p.produce("events", restJSON, `{"records":[{"value":1}]}`, "Accept", "application/json")
	require.Equal(t, 200, a.code)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	a = p.produce("events", restJSON, `{}`, "Accept", "application/json")
	require.Equal(t, 422, a.code)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
}

func TestREST2RequestHeaders(t *testing.T) {
	p := newProxy(t, nil)
	for name, c := range map[string]struct {
		header, value string
		code          int
	}{
		"an idempotency key":    {"Idempotency-Key", "1", 400},
		"an unknown encoding":   {"Content-Encoding", "br", 415},
		"gzip that is none":     {"Content-Encoding", "gzip", 400},
		"a record's key":        {"Kafka-Key", "k", 422},
		"a header of a record":  {"Kafka-Header-A", "k", 422},
		"no encoding, in words": {"Content-Encoding", "identity", 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.produce("events", restJSON, `{"records":[{"value":1}]}`, c.header, c.value)
			require.Equal(t, c.code, a.code, a.body)
			if c.code != 200 {
				require.Equal(t, c.code, a.ErrorCode)
			}
		})
	}
}

func TestREST2Gzip(t *testing.T) {
	p := newProxy(t, nil)
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write([]byte(`{"records":[{"value":"` + strings.Repeat("x", 100_000) + `"}]}`))
	require.NoError(t, z.Close())
	a := p.produce("events", restText, body.String(), "Content-Encoding", "gzip")
	require.Len(t, p.written(a, 0).Value, 100_000)
}

func TestREST2WhoMay(t *testing.T) {
	p := newProxy(t, nil)
	p.principal = principalOf(t, access.Grant{Topics: []string{"events"}, Rights: []string{"write"}})
	require.Equal(t, 200, p.produce("events", restJSON, `{"records":[{"value":1}]}`).code)
	for _, path := range []string{"nowhere", "nowhere/partitions/0"} {
		a := p.produce(path, restJSON, `{`)
		require.Equal(t, 403, a.code, "before the body and the question whether it exists")
		require.Equal(t, 40301, a.ErrorCode)
	}
	p.principal = principalOf(t, access.Grant{Topics: []string{"events"}, Rights: []string{"read"}})
	require.Equal(t, 40301, p.produce("events", restJSON, `{"records":[{"value":1}]}`).ErrorCode)
}

func TestREST2RateLimit(t *testing.T) {
	p := newProxy(t, nil)
	p.principal = principalOf(t, access.Grant{Topics: []string{"*"}, Rights: []string{"write"}, Limits: access.Limits{Records: 1}})
	body := `{"records":[` + strings.Repeat(`{"value":1},`, 1000) + `{"value":1}]}`
	require.Equal(t, 200, p.produce("events", restJSON, body).code, "larger than the limit, and let in once")
	a := p.produce("events", restJSON, body)
	require.Equal(t, 429, a.code, a.body)
	require.Equal(t, 42901, a.ErrorCode)
	require.NotEmpty(t, a.header.Get("Retry-After"))
}
