package dialect_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const structured = "application/cloudevents+json; charset=utf-8"

// The example of the CloudEvents specification, in both modes, becomes the
// same record.
func TestBothModesBecomeTheSameRecord(t *testing.T) {
	s := newService(t, nil)
	binary := s.last(s.send("events", `{"appinfoA" : "abc"}`, "Content-Type", "application/json", "ce-specversion", "1.0",
		"ce-type", "com.example.someevent", "ce-time", "2018-04-05T03:56:24Z", "ce-id", "1234-1234-1234", "ce-source", "/mycontext/subcontext",
		"ce-partitionkey", "shop%20%C3%A9", "ce-number", "7"))
	whole := s.last(s.send("events", `{"specversion":"1.0","type":"com.example.someevent","time":"2018-04-05T03:56:24Z","id":"1234-1234-1234",
		"source":"/mycontext/subcontext","partitionkey":"shop é","number":7,"absent":null,"datacontenttype":"application/json","data":{"appinfoA" : "abc"}}`,
		"Content-Type", structured))
	require.Equal(t, binary.Headers, whole.Headers)
	require.Equal(t, map[string]string{
		"ce_specversion": "1.0", "ce_type": "com.example.someevent", "ce_time": "2018-04-05T03:56:24Z", "ce_id": "1234-1234-1234",
		"ce_source": "/mycontext/subcontext", "ce_partitionkey": "shop é", "ce_number": "7", "content-type": "application/json",
	}, headersOf(binary))
	require.Equal(t, "shop é", string(binary.Key))
	require.Equal(t, "shop é", string(whole.Key))
	const data = `{"appinfoA" : "abc"}` // With its space.
	for _, value := range [][]byte{binary.Value, whole.Value} {
		require.True(t, bytes.Equal(value, []byte(data)), "byte for byte: %s", value)
	}
}

func TestDataOfAStructuredEvent(t *testing.T) {
	s := newService(t, nil)
	for name, c := range map[string]struct{ members, value, contentType string }{
		"JSON by default":   {`,"data":{"a": 1}`, `{"a": 1}`, "application/json"},
		"a string as JSON":  {`,"data":"x\n"`, `"x\n"`, "application/json"},
		"a string as text":  {`,"data":"x\n","datacontenttype":"text/plain"`, "x\n", "text/plain"},
		"JSON of a kind":    {`,"datacontenttype":"application/geo+json","data":"x"`, `"x"`, "application/geo+json"},
		"bytes":             {`,"data_base64":"AP8=","datacontenttype":"image/png"`, "\x00\xff", "image/png"},
		"bytes of no type":  {`,"data_base64":"AP8"`, "\x00\xff", ""},
		"nothing":           {``, "", ""},
		"null":              {`,"data":null`, "", ""},
		"a big number":      {`,"data":12345678901234567890`, `12345678901234567890`, "application/json"},
		"XML in a string":   {`,"datacontenttype":"application/xml","data":"<a/>"`, "<a/>", "application/xml"},
		"an object as text": {`,"datacontenttype":"text/plain","data":{"a":1}`, `{"a":1}`, "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.last(s.send("events", `{"specversion":"1.0","id":"1","source":"/","type":"t"`+c.members+`}`, "Content-Type", structured))
			require.Equal(t, c.value, string(r.Value))
			require.NotNil(t, r.Value, "never a tombstone")
			require.Equal(t, c.contentType, headersOf(r)["content-type"])
			require.Nil(t, r.Key)
		})
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	s := newService(t, nil)
	event := func(members string) string {
		return `{"specversion":"1.0","id":"1","source":"/","type":"t"` + members + `}`
	}
	for name, c := range map[string]struct {
		body, media string
		headers     []string
		code        int
		fields      []string
	}{
		"a batch":                  {`[]`, "application/cloudevents-batch+json", nil, 415, nil},
		"XML":                      {`<a/>`, "application/cloudevents+xml", nil, 415, nil},
		"attributes missing":       {`{"specversion":"1.0"}`, structured, nil, 422, []string{"body.id", "body.source", "body.type"}},
		"another version":          {`{"specversion":"0.3","id":"1","source":"/","type":"t"}`, structured, nil, 422, []string{"body.specversion"}},
		"an empty id":              {`{"specversion":"1.0","id":"","source":"/","type":"t"}`, structured, nil, 422, []string{"body.id"}},
		"a wrong time":             {event(`,"time":"yesterday"`), structured, nil, 422, []string{"body.time"}},
		"a name with a capital":    {event(`,"someName":"x"`), structured, nil, 422, []string{"body.someName"}},
		"an object as attribute":   {event(`,"ext":{}`), structured, nil, 422, []string{"body.ext"}},
		"a fraction as attribute":  {event(`,"ext":1.5`), structured, nil, 422, []string{"body.ext"}},
		"data twice":               {event(`,"data":1,"data_base64":"AA=="`), structured, nil, 422, []string{"body.data_base64"}},
		"bad base64":               {event(`,"data_base64":"=A"`), structured, nil, 422, []string{"body.data_base64"}},
		"base64 that is a number":  {event(`,"data_base64":1`), structured, nil, 422, []string{"body.data_base64"}},
		"two keys":                 {event(`,"partitionkey":"a"`), structured, []string{"Kafka-Key", "b"}, 422, []string{"body.partitionkey"}},
		"an array":                 {`[1]`, structured, nil, 422, []string{"body"}},
		"not JSON":                 {`{"specversion":`, structured, nil, 400, nil},
		"a name twice":             {event(`,"id":"2"`), structured, nil, 400, nil},
		"binary without its rest":  {"x", "text/plain", []string{"ce-specversion", "1.0"}, 422, []string{"header.ce-id", "header.ce-source", "header.ce-type"}},
		"ce-datacontenttype":       {"x", "text/plain", []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/", "ce-type", "t", "ce-datacontenttype", "x"}, 422, []string{"header.Ce-Datacontenttype"}},
		"an escape that is none":   {"x", "text/plain", []string{"ce-specversion", "1.0", "ce-id", "%", "ce-source", "/", "ce-type", "t"}, 422, []string{"header.Ce-Id", "header.ce-id"}},
		"a header of the binding":  {"x", "text/plain", []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/", "ce-type", "t", "Kafka-Header-Ce_id", "2"}, 422, []string{"header.Kafka-Header-ce_id"}},
		"a parameter that is none": {"x", "text/plain", []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/", "ce-type", "t", "Kafka-Foo", "2"}, 422, []string{"header.Kafka-Foo"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send("events", c.body, append([]string{"Content-Type", c.media}, c.headers...)...)
			require.Equal(t, c.code, a.code, "%s %v", a.Detail, a.Errors)
			require.Equal(t, "no", a.Written)
			var fields []string
			for _, f := range a.Errors {
				fields = append(fields, f.Location)
			}
			require.ElementsMatch(t, c.fields, fields)
		})
	}
	require.NotEqual(t, http.StatusOK, s.send("events", event(""), "Content-Type", "application/cloudevents").code)
}
