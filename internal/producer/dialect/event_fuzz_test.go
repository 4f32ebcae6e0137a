package dialect_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
)

// A structured event that is taken has the attributes that the standard
// library reads there, and its data.
func FuzzEvent(f *testing.F) {
	const start = `{"id":"1","source":"/s","specversion":"1.0","type":"t"`
	for _, seed := range []string{
		start + `}`, start + `,"data":{"a":1}}`, start + `,"data":"x","datacontenttype":"text/plain"}`, start + `,"data_base64":"AP8="}`, start + `,"data_base64":"AP8","data":1}`,
		start + `,"partitionkey":"k","subject":null,"more":-1,"flag":true}`, start + `,"time":"2024-01-01T00:00:00Z","dataschema":"https://s"}`, start + `,"more":1.5}`,
		start + `,"data":"\ud83d\ude00","datacontenttype":"application/vnd.x+json; a=b"}`, `{}`, `[]`, ``, start, start + `,"Id":"2"}`, start + `,"data":null,"data_base64":null}`,
		start + `,"data_base64":"AA\nAA"}`, start + `,"id":"2"}`,
	} {
		f.Add([]byte(seed))
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, ok := dialect.DecodeEvent(w.Writer, body)
		if !ok {
			return
		}
		var event map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &event))
		require.True(t, utf8.Valid(body))
		require.NotNil(t, r.Value, "an event is no tombstone")
		found := map[string]string{}
		for _, h := range r.Headers {
			require.NotContains(t, found, h.Key)
			found[h.Key] = string(h.Value)
		}
		for _, name := range []string{"id", "source", "type"} {
			require.NotEmpty(t, found["ce_"+name])
		}
		require.Equal(t, "1.0", found["ce_specversion"])
		for name, text := range event {
			value, ok := scalar(text)
			switch {
			case name == "data" || name == "data_base64":
			case name == "datacontenttype" && ok:
				require.Equal(t, value, found["content-type"])
			case ok:
				require.Equal(t, value, found["ce_"+name])
			default:
				require.NotContains(t, found, "ce_"+name)
			}
		}
		if key, ok := scalar(event["partitionkey"]); ok {
			require.Equal(t, key, string(r.Key))
		}
		text, isText := scalar(event["data_base64"])
		switch data := event["data"]; {
		case isText:
			decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
			require.NoError(t, err)
			require.Equal(t, string(decoded), string(r.Value))
		case data == nil || string(data) == "null":
			require.Empty(t, r.Value)
		case data[0] != '"' || strings.Contains(strings.ToLower(found["content-type"]), "json") && string(data) == string(r.Value):
			require.Equal(t, string(data), string(r.Value))
		default:
			text, _ = scalar(data)
			require.Equal(t, text, string(r.Value))
		}
	})
}

// scalar is the text of a string, or a number's or boolean's JSON.
func scalar(text json.RawMessage) (string, bool) {
	var s string
	switch {
	case text == nil || string(text) == "null":
		return "", false
	case text[0] != '"':
		return string(text), text[0] != '{' && text[0] != '['
	}
	err := json.Unmarshal(text, &s)
	return s, err == nil
}

// No header makes a binary event something else than written or refused.
func FuzzBinaryEvent(f *testing.F) {
	for _, seed := range [][2]string{
		{"more", "x"}, {"time", "2024-01-01T00:00:00Z"}, {"partitionkey", "%C3%A4"}, {"subject", ""}, {"id", "2"}, {"datacontenttype", "a/b"}, {"", "x"}, {"ä", "x"}, {"more", "%ff"}, {"more", "%"}, {"dataschema", "%zz"},
	} {
		f.Add(seed[0], seed[1], "x", "text/plain")
	}
	w := producertest.New(f, nil)
	topic := dialect.NewTopic(w.Writer)
	f.Fuzz(func(t *testing.T, name, value, body, contentType string) {
		r := httptest.NewRequest(http.MethodPost, "/topics/events", strings.NewReader(body))
		r.SetPathValue("topic", "events")
		r.Header = http.Header{"Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {"t"}, "Content-Type": {contentType}}
		r.Header.Add("Ce-"+name, value)
		rec := httptest.NewRecorder()
		topic.ServeHTTP(rec, r)
		require.Contains(t, []int{200, 400, 413, 415, 422}, rec.Code, rec.Body.String())
		require.True(t, rec.Code != 200 || name != "", "an attribute without a name")
		if !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/") {
			t.Fatal(rec.Header())
		}
	})
}
