package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/dashboard"
	"sluice/internal/httpserver"
	"sluice/record"
)

// produced is what the last request has written.
type produced struct {
	record    record.Record
	principal string
	calls     int
}

func (p *produced) produce(ctx context.Context, r record.Record) (dashboard.Written, *httpserver.Problem) {
	p.calls++
	p.record, p.principal = r, access.From(ctx).Name()
	if r.Topic == "away" {
		problem := httpserver.NewProblem(http.StatusServiceUnavailable, "Kafka is away")
		problem.Written, problem.RetryAfter = "no", 3
		return dashboard.Written{}, problem
	}
	return dashboard.Written{Partition: 2, Offset: 184220, Timestamp: time.UnixMilli(1795435023418)}, nil
}

func TestARecordIsWrittenAsItWasSaid(t *testing.T) {
	p := &produced{}
	s := start(t, dashboard.Deps{Produce: p.produce}, nil, nil)
	require.True(t, s.state().CanWrite)
	for name, c := range map[string]struct {
		body       string
		key, value []byte
		headers    []record.Header
	}{
		"text":             {`{"topic":"orders","key":"k","value":"v"}`, []byte("k"), []byte("v"), nil},
		"no key":           {`{"topic":"orders","value":"v"}`, nil, []byte("v"), nil},
		"a null key":       {`{"topic":"orders","key":null,"value":""}`, nil, []byte{}, nil},
		"an empty key":     {`{"topic":"orders","key":"","value":"ü\u0000"}`, []byte{}, []byte("ü\x00"), nil},
		"a tombstone":      {`{"topic":"orders","key":"k","value":null}`, []byte("k"), nil, nil},
		"bytes":            {`{"topic":"orders","key":"/w==","key_encoding":"base64","value":"/wA=","encoding":"base64"}`, []byte("\xff"), []byte("\xff\x00"), nil},
		"no bytes":         {`{"topic":"orders","value":"","encoding":"base64"}`, nil, []byte{}, nil},
		"headers in order": {`{"topic":"orders","value":"v","headers":[{"key":"b","value":"1"},{"key":"a","value":null},{"key":"b","value":"/w==","encoding":"base64"}]}`, nil, []byte("v"), []record.Header{{Key: "b", Value: []byte("1")}, {Key: "a"}, {Key: "b", Value: []byte("\xff")}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(http.MethodPost, "/dashboard/records", c.body, "Content-Type", "application/json; charset=utf-8")
			require.Equal(t, 200, a.code, string(a.body))
			require.JSONEq(t, `{"topic":"orders","partition":2,"offset":184220,"timestamp":"2026-11-23T11:57:03.418Z"}`, string(a.body))
			require.Equal(t, "orders", p.record.Topic)
			require.Equal(t, c.key, p.record.Key)
			require.Equal(t, c.value, p.record.Value)
			require.Len(t, p.record.Headers, len(c.headers))
			for i, h := range c.headers {
				require.Equal(t, h, p.record.Headers[i])
			}
		})
	}
}

func TestWhatIsNotWritten(t *testing.T) {
	p := &produced{}
	s := start(t, dashboard.Deps{Produce: p.produce}, nil, nil)
	wrong := func(fields ...string) []string { return fields }
	for name, c := range map[string]struct {
		body, contentType string
		code              int
		fields            []string
	}{
		"no JSON":                     {`topic=orders`, "application/x-www-form-urlencoded", 415, nil},
		"no content type":             {`{"topic":"orders","value":"v"}`, "", 415, nil},
		"nothing":                     {``, "application/json", 400, nil},
		"null":                        {`null`, "application/json", 400, nil},
		"a list":                      {`[]`, "application/json", 400, nil},
		"cut off":                     {`{"topic":"orders","value":"v`, "application/json", 400, nil},
		"a name twice":                {`{"topic":"orders","topic":"secrets","value":"v"}`, "application/json", 400, nil},
		"not UTF-8":                   {"{\"topic\":\"orders\",\"value\":\"\xff\"}", "application/json", 400, nil},
		"half a pair":                 {`{"topic":"orders","value":"\ud800"}`, "application/json", 400, nil},
		"too large":                   {`{"topic":"orders","value":"` + strings.Repeat("v", 2<<20) + `"}`, "application/json", 413, nil},
		"nothing in it":               {`{}`, "application/json", 422, wrong("body.topic", "body.value")},
		"a topic that can be none":    {`{"topic":"../orders","value":"v"}`, "application/json", 422, wrong("body.topic")},
		"a dot":                       {`{"topic":"..","value":"v"}`, "application/json", 422, wrong("body.topic")},
		"a null topic":                {`{"topic":null,"value":"v"}`, "application/json", 422, wrong("body.topic")},
		"a number":                    {`{"topic":"orders","key":1,"value":{"a":1}}`, "application/json", 422, wrong("body.key", "body.value")},
		"an unknown field":            {`{"topic":"orders","value":"v","partition":1}`, "application/json", 422, wrong("body.partition")},
		"a tombstone without a key":   {`{"topic":"orders","value":null}`, "application/json", 422, wrong("body.value")},
		"no base64":                   {`{"topic":"orders","value":"%","encoding":"base64"}`, "application/json", 422, wrong("body.value")},
		"an unknown encoding":         {`{"topic":"orders","key":"a","key_encoding":"hex","value":"v","encoding":null}`, "application/json", 422, wrong("body.encoding", "body.key_encoding")},
		"headers that are an object":  {`{"topic":"orders","value":"v","headers":{}}`, "application/json", 422, wrong("body.headers")},
		"headers that are null":       {`{"topic":"orders","value":"v","headers":null}`, "application/json", 422, wrong("body.headers")},
		"a header without its parts":  {`{"topic":"orders","value":"v","headers":[{}]}`, "application/json", 422, wrong("body.headers[0].key", "body.headers[0].value")},
		"a header with wrong parts":   {`{"topic":"orders","value":"v","headers":[{"key":"a","value":"b"},{"key":null,"value":1,"x":1}]}`, "application/json", 422, wrong("body.headers[1].key", "body.headers[1].value", "body.headers[1].x")},
		"a header that is null":       {`{"topic":"orders","value":"v","headers":[null]}`, "application/json", 422, wrong("body.headers[0].key", "body.headers[0].value")},
		"more headers than there may": {`{"topic":"orders","value":"v","headers":[` + strings.Repeat(`{"key":"a","value":"b"},`, 100) + `{"key":"a","value":"b"}]}`, "application/json", 422, wrong("body.headers")},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(http.MethodPost, "/dashboard/records", c.body, "Content-Type", c.contentType)
			require.Equal(t, c.code, a.code, string(a.body))
			var problem httpserver.Problem
			require.NoError(t, json.Unmarshal(a.body, &problem))
			require.Equal(t, "no", problem.Written)
			var fields []string
			for _, e := range problem.Errors {
				fields = append(fields, e.Location)
			}
			require.Equal(t, c.fields, fields)
		})
	}
	require.Zero(t, p.calls)
	require.Equal(t, 422, s.ask(http.MethodPost, "/dashboard/records?topic=orders", `{"topic":"orders","value":"v"}`, "Content-Type", "application/json").code)
	require.Equal(t, 403, s.ask(http.MethodPost, "/dashboard/records", `{"topic":"orders","value":"v"}`, "Content-Type", "application/json", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").code)
	require.Zero(t, p.calls)
}

func TestTheWriterSaysWhatServiceASays(t *testing.T) {
	s := start(t, dashboard.Deps{Produce: (&produced{}).produce}, nil, nil)
	a := s.ask(http.MethodPost, "/dashboard/records", `{"topic":"away","value":"v"}`, "Content-Type", "application/json")
	require.Equal(t, 503, a.code)
	require.Equal(t, "3", a.header.Get("Retry-After"))
	require.Contains(t, string(a.body), `"written":"no"`)
}

func TestWritingNeedsTheRight(t *testing.T) {
	auth, keys := authenticator(t)
	p := &produced{}
	s := start(t, dashboard.Deps{Produce: p.produce}, auth, nil)
	write := func(name, topic string) answer {
		return s.ask(http.MethodPost, "/dashboard/records", `{"topic":"`+topic+`","value":"v"}`, "Content-Type", "application/json", "Authorization", "Bearer "+keys[name])
	}
	require.Equal(t, 401, s.ask(http.MethodPost, "/dashboard/records", `{"topic":"orders","value":"v"}`, "Content-Type", "application/json").code)
	require.Equal(t, 403, write("reader", "orders").code)
	require.Equal(t, 403, write("writer", "secrets").code)
	require.Zero(t, p.calls)
	require.Equal(t, 200, write("writer", "orders").code)
	require.Equal(t, "writer", p.principal)
	require.Equal(t, 200, write("operator", "secrets").code)
}
