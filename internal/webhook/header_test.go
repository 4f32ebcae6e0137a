package webhook_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/webhook"
	"sluice/record"
)

// overTheWire sends headers as HTTP/1.1 and returns what a server gets.
func overTheWire(t testing.TB, h http.Header) http.Header {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://billing.example/hook", http.NoBody)
	require.NoError(t, err)
	request.Header = h
	var wire bytes.Buffer
	require.NoError(t, request.Write(&wire))
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	require.NoError(t, err)
	return got.Header
}

func TestHeaders(t *testing.T) {
	null := []byte(nil)
	tests := []struct {
		name    string
		key     []byte
		headers []record.Header
		want    string // lines without kafka-topic and the like
	}{
		{"nothing", nil, nil, ""},
		{"an empty key", []byte{}, nil, "kafka-key: "},
		{"a key", []byte("customer-7"), nil, "kafka-key: customer-7"},
		{
			"a key with what has to be escaped", []byte("a b,\"%\r\nwebhook-id: 1\x00\x7fé\xff "), nil,
			"kafka-key: a%20b%2C%22%25%0D%0Awebhook-id:%201%00%7F%C3%A9%FF%20",
		},
		{"a header", nil, []record.Header{{Key: "trace-id", Value: []byte("7")}}, "kafka-header-trace-id: 7"},
		{"an empty value", nil, []record.Header{{Key: "a", Value: []byte{}}}, "kafka-header-a: "},
		{"a null value", nil, []record.Header{{Key: "a", Value: null}}, "kafka-headers: a"},
		{
			"capitals", nil,
			[]record.Header{{Key: "correlationId", Value: []byte("x=y")}, {Key: "B", Value: []byte("1")}},
			"kafka-header-b: 1|kafka-header-correlationid: x=y|kafka-headers-spelling: correlationId,B",
		},
		{
			"names twice", nil,
			[]record.Header{{Key: "a", Value: []byte("1,2")}, {Key: "b", Value: []byte("3")}, {Key: "a", Value: []byte("4")}},
			"kafka-header-a: 1%2C2|kafka-header-a: 4|kafka-header-b: 3",
		},
		{
			"names that differ in case", nil,
			[]record.Header{{Key: "Id", Value: []byte("1")}, {Key: "id", Value: []byte("2")}, {Key: "ID", Value: []byte("3")}},
			"kafka-header-id: 1|kafka-headers: id=2,ID=3|kafka-headers-spelling: Id",
		},
		{
			"a null among others", nil,
			[]record.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: null}, {Key: "a", Value: []byte{}}},
			"kafka-headers: a=1,a,a=",
		},
		{
			"names that servers drop", nil,
			[]record.Header{{Key: "ce_id", Value: []byte("1")}, {Key: "a.b", Value: []byte("2")}, {Key: "é=\r\n,", Value: []byte("3")}},
			"kafka-headers: ce_id=1,a.b=2,%C3%A9%3D%0D%0A%2C=3",
		},
		{"no name", nil, []record.Header{{Key: "", Value: []byte("1")}, {Key: "", Value: null}}, "kafka-headers: =1,"},
		{"forged ones", []byte("k"), []record.Header{
			{Key: "webhook-id", Value: []byte("1")},
			{Key: "webhook-signature", Value: []byte("v1,x")},
			{Key: "kafka-offset", Value: []byte("1")},
			{Key: "kafka-tombstone", Value: []byte("true")},
			{Key: "host", Value: []byte("a")},
			{Key: "content-length", Value: []byte("9")},
			{Key: "s", Value: []byte("x")},
		}, "kafka-header-content-length: 9|kafka-header-host: a|kafka-header-kafka-offset: 1|kafka-header-kafka-tombstone: true|" +
			"kafka-header-s: x|kafka-header-webhook-id: 1|kafka-header-webhook-signature: v1%2Cx|kafka-key: k"},
		{
			"a key without room", bytes.Repeat([]byte("x"), 9000),
			[]record.Header{{Key: "a", Value: []byte("1")}},
			"kafka-header-a: 1|kafka-key-omitted: 9000",
		},
		{"a key without room once it is escaped", bytes.Repeat([]byte{0}, 3000), nil, "kafka-key-omitted: 3000"},
		{
			"a header without room", nil,
			[]record.Header{{Key: "a", Value: bytes.Repeat([]byte("x"), 9000)}, {Key: "b", Value: []byte("1")}},
			"kafka-header-b: 1|kafka-headers-omitted: 1",
		},
		{"a null header without room", nil, []record.Header{{Key: strings.Repeat("_", 9000), Value: null}}, "kafka-headers-omitted: 1"},
		{
			"all or none of a name", nil,
			[]record.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: bytes.Repeat([]byte(" "), 5000)}},
			"kafka-headers-omitted: 2",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := order()
			r.Key, r.Headers = tt.key, tt.headers
			h := overTheWire(t, webhook.WriteRecord(r))
			for name, want := range map[string]string{
				"kafka-topic": "orders", "kafka-partition": "3", "kafka-offset": "4711", "kafka-timestamp": "1795420800123",
			} {
				require.Equal(t, []string{want}, h.Values(name))
				h.Del(name)
			}
			h.Del("User-Agent")
			h.Del("Content-Length")
			var got []string
			for name, values := range h {
				for _, v := range values {
					got = append(got, strings.ToLower(name)+": "+v)
				}
			}
			slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
			require.Equal(t, tt.want, strings.Join(got, "|"))
		})
	}
}

// lines are what is sent for a name, which is spelled as it is.
func lines(h http.Header, name string) []string { return h[name] }

func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return name
}

func TestOddTimestampsAndTombstones(t *testing.T) {
	r := order()
	r.Timestamp, r.Value = time.UnixMilli(-1), nil
	require.Equal(t, []string{"-1"}, lines(webhook.WriteRecord(r), "kafka-timestamp"))
	require.Equal(t, []string{"true"}, lines(webhook.WriteRecord(r), "kafka-tombstone"))
	r.Timestamp, r.Value = time.UnixMilli(9e15), []byte{}
	require.Equal(t, []string{"9000000000000000"}, lines(webhook.WriteRecord(r), "kafka-timestamp"))
	require.Empty(t, lines(webhook.WriteRecord(r), "kafka-tombstone"))
}

// size is what lines take, and how many there are.
func size(h http.Header) (count, most, all int) {
	for name, values := range h {
		for _, v := range values {
			n := len(name) + len(v) + 4
			count, most, all = count+1, max(most, n), all+n
		}
	}
	return count, most, all
}

func TestManyHeadersStayWithinTheLimitsOfServers(t *testing.T) {
	tests := []struct {
		name    string
		header  func(i int) record.Header
		omitted int
	}{
		{"a thousand short ones all come", func(i int) record.Header {
			return record.Header{Key: "h" + strconv.Itoa(i), Value: []byte("v")}
		}, 0},
		{"a thousand of one name", func(int) record.Header { return record.Header{Key: "h", Value: []byte("v")} }, 0},
		{"a thousand without anything", func(int) record.Header { return record.Header{} }, 0},
		{"a thousand nulls", func(i int) record.Header { return record.Header{Key: "h" + strconv.Itoa(i)} }, 0},
		{"a thousand with capitals", func(i int) record.Header { return record.Header{Key: "H" + strconv.Itoa(i), Value: []byte("v")} }, 0},
		{"a thousand long ones", func(i int) record.Header {
			return record.Header{Key: "h" + strconv.Itoa(i), Value: bytes.Repeat([]byte("v"), 500)}
		}, 977},
		{"a thousand of a thousand control characters", func(i int) record.Header {
			return record.Header{Key: "h" + strconv.Itoa(i), Value: bytes.Repeat([]byte("\r"), 1000)}
		}, 996},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := order()
			for i := range 1000 {
				r.Headers = append(r.Headers, tt.header(i))
			}
			h := webhook.WriteRecord(r)
			count, most, all := size(h)
			require.LessOrEqual(t, count, 60)
			require.LessOrEqual(t, most, 8000)
			require.LessOrEqual(t, all, 13<<10)
			var want []string
			if tt.omitted > 0 {
				want = []string{strconv.Itoa(tt.omitted)}
			}
			require.Equal(t, want, lines(h, "kafka-headers-omitted"))
			got, err := readHeaders(overTheWire(t, h))
			require.NoError(t, err)
			require.Len(t, got, 1000-tt.omitted)
		})
	}
}

func TestContentType(t *testing.T) {
	own := func(values ...string) []record.Header {
		var h []record.Header
		for _, v := range values {
			h = append(h, record.Header{Key: "Content-Type", Value: []byte(v)})
		}
		return h
	}
	tests := []struct {
		name    string
		headers []record.Header
		value   []byte
		want    string
	}{
		{"JSON", nil, []byte(` {"a":1}`), "application/json"},
		{"a number", nil, []byte("1"), "application/json"},
		{"text", nil, []byte("zażółć"), "text/plain; charset=utf-8"},
		{"nothing", nil, []byte{}, "text/plain; charset=utf-8"},
		{"bytes", nil, []byte("\xff\x00"), "application/octet-stream"},
		{"JSON with bytes that are not UTF-8", nil, []byte("\"\xff\""), "application/octet-stream"},
		{"a tombstone", nil, nil, ""},
		{"its own", own("application/avro"), []byte("{}"), "application/avro"},
		{"its own, with parameters", own("text/plain; charset=\"iso-8859-2\""), []byte("{}"), "text/plain; charset=\"iso-8859-2\""},
		{"its own of a tombstone", own("application/avro"), nil, "application/avro"},
		{"the first that is one", own("", "x", "a/b; =", "a/b\r\nx: y", "é/a", "a/"+strings.Repeat("b", 300), "text/csv"), []byte("{}"), "text/csv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, webhook.ContentType(&record.Record{Headers: tt.headers, Value: tt.value}))
		})
	}
}

func TestID(t *testing.T) {
	tests := []struct{ name, handler, topic, want string }{
		{"plain", "billing", "", "--------------------_w-3-4711-billing"},
		{"hyphens", "a-b_c", "", "--------------------_w-3-4711-a-b_c"},
		{"a full stop, which would end the id in what is signed", "a.b", "", "--------------------_w-3-4711-a%2Eb"},
		{"anything", "a b\r\nx: é%\xff", "", "--------------------_w-3-4711-a%20b%0D%0Ax%3A%20%C3%A9%25%FF"},
		{"a cluster without ids", "billing", "my-orders.v1_x", "my%2Dorders%2Ev1_x-3-4711-billing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := order()
			r.TopicID = record.TopicID{0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xff}
			if tt.topic != "" {
				r.TopicID, r.Topic = record.TopicID{}, tt.topic
			}
			got, err := webhook.ID(r, tt.handler)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// FuzzHeaders: whatever a record has, its request is one of HTTP, forges
// nothing, stays within the limits, and a receiver reads what was written.
func FuzzHeaders(f *testing.F) {
	f.Add([]byte("key"), []byte("name\x00value\x00Name\x00\x00name\x00n"))
	f.Add([]byte("\r\nwebhook-id: 1"), []byte("webhook-id\x001\x00a\r\nb\x00\r\n\r\nx"))
	f.Add([]byte("é,\xff"), []byte("ce_id\x00%2C,\x00=\x00=\x00\x00"))
	f.Add([]byte(nil), []byte("A\x001\x00a\x002\x00Transfer-Encoding\x00chunked"))
	f.Fuzz(func(t *testing.T, key, text []byte) {
		r := order()
		r.Key = key
		parts := bytes.Split(text, []byte{0})
		for len(parts) >= 2 {
			value := parts[1]
			if bytes.Equal(value, []byte("n")) {
				value = nil
			}
			r.Headers = append(r.Headers, record.Header{Key: string(parts[0]), Value: value})
			parts = parts[2:]
		}
		sent := webhook.WriteRecord(r)
		_, most, all := size(sent)
		if most > 8000 || all > 13<<10 {
			t.Fatalf("a line of %d bytes, %d in all", most, all)
		}
		h := overTheWire(t, sent)
		for name := range h {
			name = strings.ToLower(name)
			if !strings.HasPrefix(name, "kafka-") && name != "user-agent" && name != "content-length" {
				t.Fatalf("the record has made a header %s", name)
			}
		}
		if h.Get("kafka-offset") != "4711" || len(h.Values("kafka-offset")) != 1 {
			t.Fatal("a forged offset")
		}
		gotKey, ok, err := readKey(h)
		if err != nil || ok && (!bytes.Equal(gotKey, key) || (gotKey == nil) != (key == nil)) {
			t.Fatalf("the key %q became %q, %v", key, gotKey, err)
		}
		got, err := readHeaders(h)
		if err != nil {
			t.Fatal(err)
		}
		omitted, _ := strconv.Atoi(h.Get("kafka-headers-omitted"))
		if len(got)+omitted != len(r.Headers) {
			t.Fatalf("%d headers came, %d were left out, of %d", len(got), omitted, len(r.Headers))
		}
		values := func(of []header) map[string][]string {
			m := map[string][]string{}
			for _, h := range of {
				m[h.name] = append(m[h.name], fmt.Sprintf("%q %v", h.value, h.value == nil))
			}
			return m
		}
		var want []header
		for _, h := range r.Headers {
			want = append(want, header{h.Key, h.Value})
		}
		wanted := values(want)
		for name, v := range values(got) {
			if !slices.Equal(v, wanted[name]) {
				t.Fatalf("the values %v of %q became %v", wanted[name], name, v)
			}
		}
	})
}
