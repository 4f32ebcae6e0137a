package live_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// No value, key or header can break a frame, and each comes back as it was
// written, in all forms.
func TestHostileRecords(t *testing.T) {
	values := map[string][]byte{
		"tombstone":             nil,
		"empty":                 {},
		"newlines":              []byte("a\nb\r\nc\rd\n\nevent: bye\ndata: {}\n\n"),
		"a colon":               []byte(": comment\nid: 17\n"),
		"NUL":                   []byte("a\x00b"),
		"line separators":       []byte("a\u2028b\u2029c\u0085d"),
		"a byte order mark":     []byte("\ufeffdata: x"),
		"invalid UTF-8":         {0xff, 0xfe, 0x0a, 0xc3, 0x28},
		"a lone surrogate":      []byte("\xed\xa0\x80"),
		"JSON":                  []byte(`{"a":[1,2,{"b":null}],"c":"<script>"}`),
		"JSON on many lines":    []byte("{\r\n\t\"a\": 1,\r\n\t\"b\":\r[2,\n3]}\r\n"),
		"numbers":               []byte(`[1e400,12345678901234567890,0.1000,-0,1E+2]`),
		"a number":              []byte(`12345678901234567890`),
		"a string":              []byte(`"a\nb\u2028\ud83d\ude00"`),
		"a half pair":           []byte(`"\ud800"`),
		"a name twice":          []byte(`{"a":1,"a":2}`),
		"a name twice, escaped": []byte(`{"a":1,"\u0061":2}`),
		"almost JSON":           []byte(`{"a":1}}`),
		"JSON and more":         []byte(`{} {}`),
		"JSON with a mark":      []byte("\ufeff{}"),
		"NaN":                   []byte("NaN"),
		"deep":                  []byte(strings.Repeat("[", 20000) + strings.Repeat("]", 20000)),
		"a large line":          bytes.Repeat([]byte("0123456789"), 90_000),
		"large and binary":      bytes.Repeat([]byte{0xff, '\n', 0}, 300_000),
	}
	w := newWorld(t)
	var order []string
	for name := range values {
		order = append(order, name)
	}
	w.topic("t", 1)
	for _, name := range order {
		w.send(&kgo.Record{Topic: "t", Key: begin(values[name]), Value: values[name], Headers: []kgo.RecordHeader{
			{Key: "x", Value: begin(values[name])}, {Key: "x", Value: nil}, {Key: "\n\xff", Value: []byte{}},
		}})
	}
	for _, form := range []string{"auto", "json", "text", "base64"} {
		t.Run(form, func(t *testing.T) {
			s := w.open("/topics/t/events?from=earliest&values=" + form)
			got := s.until("caughtup")
			require.Len(t, got, len(values)+2, "nothing in a value is an event")
			for i, name := range order {
				e := got[i+1]
				require.Equal(t, "message", e.Name)
				require.True(t, strings.HasPrefix(e.ID, "v1."), "%s: id %q", name, e.ID)
				checkRecord(t, name, w.decode(e.Data), values[name], form)
			}
			page := w.page("/topics/t/records?limit=1000&values=" + form)
			require.NotEmpty(t, page.Records)
			for i, r := range page.Records {
				checkRecord(t, order[i], r, values[order[i]], form)
			}
			for line := range bytes.SplitSeq(bytes.TrimSpace([]byte(w.get("/topics/t/records?values="+form, "Accept: application/x-ndjson").Body)), []byte("\n")) {
				require.True(t, json.Valid(line))
			}
		})
	}
}

func checkRecord(t *testing.T, name string, d decoded, value []byte, form string) {
	t.Helper()
	require.Equal(t, begin(value), textOf(t, d.Key, d.KeyEncoding), "%s: the key", name)
	require.Len(t, d.Headers, 3)
	require.Equal(t, begin(value), textOf(t, d.Headers[0].Value, d.Headers[0].Encoding), "%s: a header", name)
	require.Nil(t, d.Headers[1].Value)
	require.Equal(t, []byte{}, textOf(t, d.Headers[2].Value, d.Headers[2].Encoding))
	require.Equal(t, []byte("\n\xff"), textOf(t, &d.Headers[2].Key, d.Headers[2].KeyEncoding))
	switch {
	case value == nil:
		require.Equal(t, "null", string(d.Value), name)
		return
	case form == "base64":
		require.Equal(t, "base64", d.Encoding, name)
	}
	embedded := form == "json" && d.Encoding == "" || form == "auto" && !strings.HasPrefix(string(d.Value), `"`) || name == "a string" && form == "auto"
	if embedded {
		// As it is, but for the line ends between the tokens.
		same := strings.NewReplacer("\r", " ", "\n", " ").Replace(string(value))
		require.Equal(t, strings.TrimSpace(same), strings.TrimSpace(string(d.Value)), name)
		return
	}
	var text string
	require.NoError(t, json.Unmarshal(d.Value, &text), name)
	require.Equal(t, value, textOf(t, &text, d.Encoding), name)
}

func begin(value []byte) []byte { return value[:min(len(value), 100)] }

func textOf(t *testing.T, text *string, encoding string) []byte {
	t.Helper()
	switch {
	case text == nil:
		return nil
	case encoding == "base64":
		raw, err := base64.StdEncoding.DecodeString(*text)
		require.NoError(t, err)
		return raw
	}
	return []byte(*text)
}

func TestManyHeaders(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	r := &kgo.Record{Topic: "t", Value: []byte("x")}
	for i := range 1000 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: fmt.Sprintf("h%d", i/2), Value: fmt.Append(nil, i)})
	}
	w.send(r)
	d := w.decode(w.open("/topics/t/events?from=earliest").records(1)[0].Data)
	require.Len(t, d.Headers, 1000)
	require.Equal(t, "h0", d.Headers[1].Key, "a name may be there twice, in its order")
	require.Equal(t, "1", *d.Headers[1].Value)
}

// A partition with many others has its id with the last event of a run only.
func TestManyPartitions(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 40)
	s := w.open("/topics/t/events")
	s.until("caughtup")
	w.produce("t", 40, 20)
	offsets := map[int32]int64{}
	var last sseEvent
	for _, e := range s.records(800) {
		d := w.decode(e.Data)
		require.Equal(t, offsets[d.Partition], d.Offset)
		offsets[d.Partition]++
		last = e
	}
	again := w.open("/topics/t/events", "Last-Event-ID: "+last.ID).until("caughtup")
	for _, e := range again[1 : len(again)-1] {
		require.Less(t, w.decode(e.Data).Offset, int64(20), "some may come twice, none is left out")
	}
}
