package dialect_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/producer"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/stretchr/testify/require"
)

// batchReply3 is the answer to a batch.
type batchReply3 struct{ Successes, Failures []result3 }

func batch3(t *testing.T, body string) (a batchReply3) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &a), body)
	return a
}

func TestREST3BatchHasTheShapeOfTheContract(t *testing.T) {
	p := newProxy3(t, nil)
	reply := p.post("events/records:batch", strings.NewReader(`{"entries":[
		{"id":"a","partition_id":1,"timestamp":"2021-02-05T19:14:42Z","key":{"type":"STRING","data":"k"},"value":{"type":"JSON","data":{"n":9007199254740993}}},
		{"id":"b","value":{"type":"BINARY","data":"?"}},
		{"id":"c","partition_id":1,"timestamp":"2021-02-05T19:14:42Z"},
		{"partition_id":7,"id":"d"}]}`))
	require.Equal(t, 207, reply.status)
	want := `{"successes":[` +
		`{"id":"a","error_code":200,"cluster_id":"c1","topic_name":"events","partition_id":1,"offset":0,"timestamp":"2021-02-05T19:14:42.000Z","key":{"type":"STRING","size":1},"value":{"type":"JSON","size":22}},` +
		`{"id":"c","error_code":200,"cluster_id":"c1","topic_name":"events","partition_id":1,"offset":1,"timestamp":"2021-02-05T19:14:42.000Z"}],` +
		`"failures":[{"id":"b","error_code":400,"message":"data of value is not a base64 string"},` +
		`{"id":"d","error_code":40402,"message":"topic events has no partition 7, only 0 to 3"}]}`
	require.Equal(t, want, reply.body)
	require.Equal(t, map[string]int{`{"n":9007199254740993}`: 1, "": 1}, p.Values(producertest.Topic))
}

func TestREST3BatchOfWhichAllFail(t *testing.T) {
	p := newProxy3(t, nil)
	p.Know("nowhere")
	for topic, code := range map[string]int{"events": 40402, "nowhere": 40401} {
		reply := p.post(topic+"/records:batch", strings.NewReader(`{"entries":[{"id":"1","partition_id":99},{"id":"2","partition_id":99}]}`))
		require.Equal(t, 207, reply.status)
		a := batch3(t, reply.body)
		require.NotNil(t, a.Successes, "it is an empty list")
		require.Empty(t, a.Successes)
		require.Equal(t, []int{code, code}, codes3(a.Failures))
		require.Equal(t, "2", a.Failures[1].ID)
	}
}

func TestREST3BatchesThatAreRefused(t *testing.T) {
	p := newProxy3(t, func(c *producer.Config) { c.Limits.Body = 100 * units.KiB })
	entries := func(ids ...string) string {
		var all []string
		for _, id := range ids {
			all = append(all, `{"id":`+id+`}`)
		}
		return `{"entries":[` + strings.Join(all, ",") + `]}`
	}
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = fmt.Sprintf(`"%d"`, i)
	}
	for name, c := range map[string]struct {
		body         string
		status, code int
	}{
		"no body":              {``, 422, 42208},
		"white space":          {" \n", 422, 42208},
		"null":                 {`null`, 422, 42208},
		"an empty object":      {`{}`, 422, 42208},
		"entries null":         {`{"entries":null}`, 422, 42208},
		"no entries":           {`{"entries":[]}`, 422, 42208},
		"eleven entries":       {entries(eleven...), 422, 42208},
		"ids not distinct":     {entries(`"1"`, `"2"`, `"1"`), 422, 42208},
		"the same, escaped":    {entries(`"1"`, `"\u0031"`), 422, 42208},
		"no id":                {`{"entries":[{"id":"1"},{}]}`, 422, 42208},
		"id null":              {entries(`null`), 422, 42208},
		"id a number":          {entries(`1`), 422, 42208},
		"id empty":             {entries(`""`), 422, 42208},
		"id with a space":      {entries(`"a b"`), 422, 42208},
		"id of 81":             {entries(`"` + strings.Repeat("x", 81) + `"`), 422, 42208},
		"id not ASCII":         {entries(`"ä"`), 422, 42208},
		"malformed":            {`{"entries":[{"id":"1"}`, 400, 400},
		"more after it":        {entries(`"1"`) + `{}`, 400, 400},
		"an array":             {`[{"id":"1"}]`, 400, 400},
		"entries no array":     {`{"entries":{"id":"1"}}`, 400, 400},
		"an entry no object":   {`{"entries":["1"]}`, 400, 400},
		"unknown field":        {`{"entries":[{"id":"1"}],"x":1}`, 400, 400},
		"duplicate name":       {`{"entries":[{"id":"1","id":"2"}]}`, 400, 400},
		"invalid UTF-8":        {"{\"entries\":[{\"id\":\"1\",\"key\":{\"type\":\"STRING\",\"data\":\"\xff\"}}]}", 400, 400},
		"a lone surrogate":     {`{"entries":[{"id":"1","value":{"type":"JSON","data":"\ud800"}}]}`, 400, 400},
		"100,000 levels":       {strings.Repeat("[", 100_000), 400, 400},
		"over the limit":       {`{"entries":[{"id":"1","x":"` + strings.Repeat("x", 100<<10) + `"}]}`, 413, 413},
		"over it, and chunked": {strings.Repeat(" ", 200<<10), 413, 413},
	} {
		t.Run(name, func(t *testing.T) {
			reply := p.post("events/records:batch", strings.NewReader(c.body))
			require.Equal(t, c.status, reply.status, reply.body)
			all := results3(t, reply.body)
			require.Equal(t, []int{c.code}, codes3(all))
			require.NotEmpty(t, all[0].Message)
		})
	}
	require.Empty(t, p.Values(producertest.Topic))
	reply := p.post("events/records:batch", strings.NewReader(entries(eleven[:9]...)))
	require.Len(t, batch3(t, reply.body).Successes, 9)
	reply = p.post("events/records:batch", strings.NewReader(entries(eleven[:9]...)[:20]+entries(`"` + strings.Repeat("x-_Z", 20) + `"`)[20:]))
	require.Equal(t, 207, reply.status, reply.body)
	require.Len(t, batch3(t, reply.body).Successes[0].ID, 80)
}
