package dialect_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// proxy3 is the dialect behind a real server.
type proxy3 struct {
	*producertest.World
	t         *testing.T
	url       string
	principal *access.Principal // of every request; nil is anybody
}

func newProxy3(t *testing.T, change func(*producer.Config)) *proxy3 {
	t.Helper()
	p := &proxy3{World: producertest.New(t, change), t: t}
	server := httptest.NewServer(p.handler())
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.Close()
	})
	p.url = server.URL
	return p
}

// handler serves both endpoints.
func (p *proxy3) handler() http.Handler {
	d := dialect.NewREST3(p.Writer)
	as := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			h(w, r.WithContext(access.With(r.Context(), p.principal)))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/clusters/{cluster}/topics/{topic}/records", as(d.Stream))
	mux.HandleFunc("POST /v3/clusters/{cluster}/topics/{topic}/records:batch", as(d.Batch))
	return mux
}

// reply3 is the answer to a request.
type reply3 struct {
	status int
	header http.Header
	body   string
}

// post sends a body to a path below /v3/clusters/c1/topics/, with headers given
// as pairs.
func (p *proxy3) post(path string, body io.Reader, headers ...string) reply3 {
	p.t.Helper()
	return p.do("c1/topics/"+path, body, headers...)
}

// do sends a body to a path below /v3/clusters/.
func (p *proxy3) do(path string, body io.Reader, headers ...string) reply3 {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/v3/clusters/"+path, body)
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, "application/json", resp.Header.Get("Content-Type"), "%s", text)
	return reply3{resp.StatusCode, resp.Header, string(text)}
}

// result3 is what is said of one record, or of a request.
type result3 struct {
	ErrorCode int `json:"error_code"`
	Message   string
	ID        string
	Cluster   string `json:"cluster_id"`
	Topic     string `json:"topic_name"`
	Partition *int32 `json:"partition_id"`
	Offset    *int64
	Timestamp *time.Time
	Key       *data3
	Value     *data3
}

type data3 struct {
	Type string
	Size *int
}

// stream sends records and returns what was answered to each.
func (p *proxy3) stream(path, body string, headers ...string) []result3 {
	p.t.Helper()
	reply := p.post(path+"/records", strings.NewReader(body), headers...)
	require.Equal(p.t, 200, reply.status, reply.body)
	return results3(p.t, reply.body)
}

func results3(t *testing.T, body string) []result3 {
	t.Helper()
	var all []result3
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	for {
		var one result3
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, body)
		all = append(all, one)
	}
}

// one sends one record and returns what was answered to it.
func (p *proxy3) one(path, record string) result3 {
	p.t.Helper()
	all := p.stream(path, record)
	require.Len(p.t, all, 1, "%+v", all)
	return all[0]
}

// find reads the record that an answer speaks of.
func (p *proxy3) find(a result3) *kgo.Record {
	p.t.Helper()
	require.Equal(p.t, 200, a.ErrorCode, "%+v", a)
	return last(p.t, p.World, answer{Topic: a.Topic, Partition: *a.Partition, Offset: *a.Offset})
}

func codes3(all []result3) []int {
	codes := []int{}
	for _, a := range all {
		codes = append(codes, a.ErrorCode)
	}
	return codes
}

func TestREST3AnswerHasTheShapeOfTheContract(t *testing.T) {
	p := newProxy3(t, nil)
	body := p.post("events/records", strings.NewReader(
		`{"partition_id":2,"timestamp":"2021-02-05T19:14:42Z","key":{"type":"BINARY","data":"Zm9vYmFy"},"value":{"type":"JSON","data":{"foo": "barr"}}}
		 {"partition_id":2,"timestamp":"2021-02-05T19:14:42.123+01:00"} {"partition_id":9}`)).body
	want := `{"error_code":200,"cluster_id":"c1","topic_name":"events","partition_id":2,"offset":0,"timestamp":"2021-02-05T19:14:42.000Z","key":{"type":"BINARY","size":6},"value":{"type":"JSON","size":15}}` + "\r\n" +
		`{"error_code":200,"cluster_id":"c1","topic_name":"events","partition_id":2,"offset":1,"timestamp":"2021-02-05T18:14:42.123Z"}` + "\r\n" +
		`{"error_code":40402,"message":"topic events has no partition 9, only 0 to 3"}` + "\r\n"
	require.Equal(t, want, body)
}

func TestREST3TakesAnyCluster(t *testing.T) {
	p := newProxy3(t, nil)
	all := results3(t, p.do("%22%0A%C3%A4/topics/events/records", strings.NewReader(`{}`)).body)
	require.Equal(t, "\"\nä", all[0].Cluster)
}

func TestREST3RecordsArriveUnchanged(t *testing.T) {
	p := newProxy3(t, nil)
	big := strings.Repeat("é", 300<<10)
	for name, c := range map[string]struct {
		data string
		want []byte
	}{
		"binary":               {`{"type":"BINARY","data":"AAH/"}`, []byte{0, 1, 255}},
		"binary, empty":        {`{"type":"BINARY","data":""}`, []byte{}},
		"binary, null":         {`{"type":"BINARY","data":null}`, nil},
		"binary, no padding":   {`{"type":"BINARY","data":"YQ"}`, []byte("a")},
		"binary, escaped":      {`{"type":"BINARY","data":"Pz8\/"}`, []byte("???")},
		"string":               {`{"type":"STRING","data":"h\u00e9 \"\\\/\n\ud83d\ude00"}`, []byte("hé \"\\/\n😀")},
		"string, empty":        {`{"type":"STRING","data":""}`, []byte{}},
		"string, null":         {`{"type":"STRING","data":null}`, nil},
		"string, a large one":  {`{"type":"STRING","data":"` + big + `"}`, []byte(big)},
		"JSON: object":         {`{"type":"JSON","data": {"b" :1, "a":[ ] } }`, []byte(`{"b" :1, "a":[ ] }`)},
		"JSON: 0":              {`{"type":"JSON","data":0}`, []byte(`0`)},
		"JSON: false":          {`{"type":"JSON","data":false}`, []byte(`false`)},
		"JSON: empty string":   {`{"type":"JSON","data":""}`, []byte(`""`)},
		"JSON: empty object":   {`{"type":"JSON","data":{}}`, []byte(`{}`)},
		"JSON: null":           {`{"type":"JSON","data":null}`, nil},
		"JSON: 64-bit integer": {`{"type":"JSON","data":9223372036854775807}`, []byte(`9223372036854775807`)},
		"JSON: long fraction":  {`{"type":"JSON","data":0.1000000000000000055511151231257827}`, []byte(`0.1000000000000000055511151231257827`)},
		"JSON: 1E400":          {`{"type":"JSON","data":1E400}`, []byte(`1E400`)},
		"JSON: escapes":        {`{"type":"JSON","data":"\u0041\/"}`, []byte(`"\u0041\/"`)},
		"JSON: a large one":    {`{"type":"JSON","data":["` + big + `"]}`, []byte(`["` + big + `"]`)},
		"other order":          {`{"data":"x","type":"STRING"}`, []byte("x")},
		"an escaped name":      {`{"\u0064ata":"x","typ\u0065":"STRING"}`, []byte("x")},
		"schema fields, null":  {`{"type":"STRING","data":"x","schema_id":null,"subject":null}`, []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, member := range []string{"key", "value"} {
				a := p.one("events", `{"`+member+`":`+c.data+`}`)
				r := p.find(a)
				got, said, other, otherSaid := r.Key, a.Key, r.Value, a.Value
				if member == "value" {
					got, said, other, otherSaid = other, otherSaid, got, said
				}
				require.Equal(t, c.want, got)
				require.Equal(t, len(c.want), *said.Size)
				require.Nil(t, other)
				require.Nil(t, otherSaid)
			}
		})
	}
}

func TestREST3RecordOptions(t *testing.T) {
	p := newProxy3(t, nil)
	r := p.find(p.one("events", `{"partition_id":3,"timestamp":"2020-01-02T03:04:05.678Z","headers":[{"name":"a","value":"AP8="},{"value":null,"name":"b"},{"name":"a"},{"name":"","value":""}]}`))
	require.Equal(t, int32(3), r.Partition)
	require.Equal(t, time.Date(2020, 1, 2, 3, 4, 5, 678e6, time.UTC), r.Timestamp.UTC())
	require.Equal(t, []kgo.RecordHeader{{Key: "a", Value: []byte{0, 255}}, {Key: "b"}, {Key: "a"}, {Key: "", Value: []byte{}}}, r.Headers)
	r = p.find(p.one("events", `{"partition_id":null,"timestamp":null,"headers":null,"key":null,"value":null}`))
	require.Nil(t, r.Key)
	require.Nil(t, r.Value)
	require.Empty(t, r.Headers)
	require.WithinDuration(t, time.Now(), r.Timestamp, time.Hour)
	r = p.find(p.one("events", `{"headers":[`+strings.Repeat(`{"name":"x"},`, 5000)+`{"name":"y"}]}`))
	require.Len(t, r.Headers, 5001)
}

// Each fails alone: the record after it is written.
func TestREST3RecordErrors(t *testing.T) {
	p := newProxy3(t, nil)
	p.Know("nowhere")
	tooLarge := base64.StdEncoding.EncodeToString(make([]byte, 900<<10+1))
	for name, c := range map[string]struct {
		record string
		code   int
		say    string
	}{
		"bad base64":                {`{"value":{"type":"BINARY","data":"a!"}}`, 400, "not a base64 string"},
		"base64 with a line end":    {`{"value":{"type":"BINARY","data":"YQ==\n"}}`, 400, "not a base64 string"},
		"binary that is a number":   {`{"value":{"type":"BINARY","data":1}}`, 400, "not a base64 string"},
		"string that is a number":   {`{"key":{"type":"STRING","data":1}}`, 400, "data of key must be a string"},
		"unknown field":             {`{"valeu":{}}`, 400, "Unrecognized field: valeu"},
		"case matters":              {`{"Value":{}}`, 400, "Unrecognized field: Value"},
		"unknown field of data":     {`{"value":{"type":"JSON","data":1,"x":1}}`, 400, "Unrecognized field: x"},
		"unknown field of a header": {`{"headers":[{"key":"a"}]}`, 400, "Unrecognized field: key"},
		"id, which is of a batch":   {`{"id":"1"}`, 400, "Unrecognized field: id"},
		"value that is no object":   {`{"value":"text"}`, 400, "value must be an object"},
		"no data":                   {`{"key":{"type":"JSON"}}`, 400, "key has no data"},
		"unknown type":              {`{"key":{"type":"XML","data":""}}`, 400, "must be BINARY, JSON or STRING"},
		"type in lower case":        {`{"key":{"type":"json","data":""}}`, 400, "must be BINARY, JSON or STRING"},
		"type that is a number":     {`{"key":{"type":1,"data":""}}`, 400, "must be BINARY, JSON or STRING"},
		"headers that are no array": {`{"headers":{"a":"b"}}`, 400, "headers must be an array"},
		"header that is no object":  {`{"headers":["a"]}`, 400, "headers must be an array of objects"},
		"header without a name":     {`{"headers":[{"value":"YQ=="}]}`, 400, "must have a name"},
		"header with bad base64":    {`{"headers":[{"name":"a","value":"é"}]}`, 400, "not a base64 string"},
		"header that is B's":        {`{"headers":[{"name":"sluice-x"}]}`, 400, "must not begin with"},
		"partition, a fraction":     {`{"partition_id":1.5}`, 400, "partition_id"},
		"partition, a text":         {`{"partition_id":"1"}`, 400, "partition_id"},
		"partition over 32 bits":    {`{"partition_id":2147483648}`, 400, "partition_id"},
		"partition below zero":      {`{"partition_id":-1}`, 40402, "no partition -1"},
		"unknown partition":         {`{"partition_id":4}`, 40402, "no partition 4"},
		"timestamp, a number":       {`{"timestamp":1612552482000}`, 400, "RFC 3339"},
		"timestamp, a word":         {`{"timestamp":"now"}`, 400, "RFC 3339"},
		"timestamp before 1970":     {`{"timestamp":"1969-12-31T23:59:59Z"}`, 400, "RFC 3339"},
		"timestamp after 2262":      {`{"timestamp":"2262-04-12T00:00:00Z"}`, 400, "RFC 3339"},
		"timestamp too far ahead":   {`{"timestamp":"2200-01-01T00:00:00Z"}`, 50002, "ahead"},
		"over the record limit":     {`{"value":{"type":"BINARY","data":"` + tooLarge + `"}}`, 400, "the record has 921601 bytes, the limit is 921600"},
		"over the limit of JSON":    {`{"value":{"type":"BINARY","data":"` + tooLarge + strings.Repeat("A", 20<<10) + `"}}`, 400, "over the limit"},
		"Avro":                      {`{"value":{"type":"AVRO","data":{}}}`, 422, "no schema registry"},
		"Protobuf":                  {`{"key":{"type":"PROTOBUF","data":{}}}`, 422, "no schema registry"},
		"JSON Schema":               {`{"key":{"type":"JSONSCHEMA","schema":"{}","data":{}}}`, 422, "no schema registry"},
		"schema id":                 {`{"value":{"schema_id":1,"data":{}}}`, 422, "no schema registry"},
		"schema version":            {`{"value":{"schema_version":1,"data":{}}}`, 422, "no schema registry"},
		"subject":                   {`{"value":{"subject":"s","data":{}}}`, 422, "no schema registry"},
		"subject name strategy":     {`{"value":{"subject_name_strategy":"TOPIC_NAME","data":{}}}`, 422, "no schema registry"},
		"no type":                   {`{"value":{"data":"x"}}`, 422, "value has no type"},
	} {
		t.Run(name, func(t *testing.T) {
			all := p.stream("events", c.record+`{"value":{"type":"STRING","data":"after"}}`)
			require.Equal(t, []int{c.code, 200}, codes3(all), "%+v", all)
			require.Contains(t, all[0].Message, c.say)
			require.Nil(t, all[0].Partition)
			require.Equal(t, "after", string(p.find(all[1]).Value))
		})
	}
	for range 2 {
		all := p.stream("nowhere", `{}{}`)
		require.Equal(t, []int{40401, 40401}, codes3(all), "%+v", all)
	}
}

func TestREST3RefusesTheWholeRequest(t *testing.T) {
	p := newProxy3(t, nil)
	for _, endpoint := range []string{"/records", "/records:batch"} {
		for name, c := range map[string]struct {
			topic   string
			headers []string
			status  int
		}{
			"text":               {"events", []string{"Content-Type", "text/plain"}, 415},
			"version 2":          {"events", []string{"Content-Type", "application/vnd.kafka.json.v2+json"}, 415},
			"content type":       {"events", []string{"Content-Type", "application/"}, 415},
			"encoding":           {"events", []string{"Content-Encoding", "br"}, 415},
			"not gzip":           {"events", []string{"Content-Encoding", "gzip"}, 400},
			"not zstd":           {"events", []string{"Content-Encoding", "zstd"}, 400},
			"an idempotency key": {"events", []string{"Idempotency-Key", "1"}, 400},
			"a record's header":  {"events", []string{"Kafka-Key", "1"}, 422},
			"topic":              {"a%2Fb", nil, 422},
			"topic ..":           {"%2E%2E", nil, 422},
		} {
			t.Run(name+endpoint, func(t *testing.T) {
				reply := p.post(c.topic+endpoint, strings.NewReader(`{}`), c.headers...)
				require.Equal(t, c.status, reply.status, reply.body)
				require.Equal(t, []int{c.status}, codes3(results3(t, reply.body)))
			})
		}
		reply := p.post("events"+endpoint+"?timeout=1s", strings.NewReader(`{}`))
		require.Equal(t, 422, reply.status)
	}
	for _, body := range []string{"", " \r\n", strings.Repeat(" ", 100<<10)} {
		reply := p.post("events/records", strings.NewReader(body))
		require.Equal(t, 422, reply.status)
		require.Contains(t, reply.body, "no record")
	}
	require.Empty(t, p.Values("events"))
}

func TestREST3ContentTypes(t *testing.T) {
	p := newProxy3(t, nil)
	for _, contentType := range []string{"", "application/json", "Application/JSON; charset=utf-8"} {
		require.Equal(t, []int{200}, codes3(p.stream("events", `{}`, "Content-Type", contentType)))
	}
}
