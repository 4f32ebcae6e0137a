package dialect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// service is service A's endpoint for topics behind a real server.
type service struct {
	*producertest.World
	t   *testing.T
	url string
}

func newService(t *testing.T, change func(*producer.Config)) *service {
	t.Helper()
	w := producertest.New(t, change)
	mux := http.NewServeMux()
	mux.Handle("POST /topics/{topic}", dialect.NewTopic(w.Writer))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return &service{World: w, t: t, url: server.URL}
}

// post sends a body to a path below /topics/ with headers given as pairs.
func (s *service) post(path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/topics/"+path, body)
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	a := answer{code: resp.StatusCode, header: resp.Header}
	require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&a))
	return a
}

func (s *service) send(path, body string, headers ...string) answer {
	s.t.Helper()
	return s.post(path, strings.NewReader(body), headers...)
}

// last is the record that an answer speaks of.
func (s *service) last(a answer) *kgo.Record {
	s.t.Helper()
	require.Equal(s.t, 200, a.code, "%s %v", a.Detail, a.Errors)
	return last(s.t, s.World, a)
}

func headersOf(r *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range r.Headers {
		all[h.Key] += string(h.Value)
	}
	return all
}

func TestRawBodiesArriveByteForByte(t *testing.T) {
	s := newService(t, nil)
	for _, body := range []string{"", "hello", "\x00\xff\xfe", `{"not": "touched" }`, strings.Repeat("x", 300_000)} {
		r := s.last(s.send("events", body, "Content-Type", "image/png; a=b"))
		require.Equal(t, body, string(r.Value))
		require.NotNil(t, r.Value)
		require.Nil(t, r.Key)
		require.Equal(t, map[string]string{"content-type": "image/png; a=b"}, headersOf(r))
	}
	require.Empty(t, s.last(s.send("events", "no type")).Headers)
}

func TestRawParameters(t *testing.T) {
	s := newService(t, nil)
	r := s.last(s.send("events?key=a%20b&partition=2&timestamp=1700000000123", "x"))
	require.Equal(t, "a b", string(r.Key))
	require.EqualValues(t, 2, r.Partition)
	require.EqualValues(t, 1700000000123, r.Timestamp.UnixMilli())

	r = s.last(s.send("events", "x", "Kafka-Key", "caf%C3%A9", "Kafka-Partition", "3", "Kafka-Timestamp", "2024-01-01T00:00:00Z",
		"Kafka-Header-Trace-Id", "100%25", "Kafka-Header-Trace-Id", " again"))
	require.Equal(t, "café", string(r.Key))
	require.EqualValues(t, 3, r.Partition)
	require.EqualValues(t, 1704067200000, r.Timestamp.UnixMilli())
	require.Equal(t, map[string]string{"trace-id": "100%again"}, headersOf(r))

	require.Equal(t, []byte{0, 255}, s.last(s.send("events", "x", "Kafka-Key-Base64", "AP8=")).Key)
	require.Equal(t, []byte{}, s.last(s.send("events?key=", "x")).Key, "empty is not null")
	r = s.last(s.send("events?key=k&tombstone=true", ""))
	require.Nil(t, r.Value, "a tombstone")
	require.Equal(t, "k", string(r.Key))
	require.Equal(t, "k", string(s.last(s.send("events?key=k", "x", "Kafka-Key", "k")).Key), "said twice, and the same")
	require.Equal(t, "x", string(s.last(s.send("events?timeout=2s", "x")).Value))
}

func TestRawRefusesWhatIsNotInTheContract(t *testing.T) {
	s := newService(t, func(c *producer.Config) { c.Limits.Body = 2 * units.KiB; c.Limits.Record = units.KiB })
	s.Know("events", "nowhere")
	for name, c := range map[string]struct {
		path    string
		body    string
		headers []string
		code    int
		fields  []string
	}{
		"unknown parameters":         {"events?a=1&b=2", "x", nil, 422, []string{"query.a", "query.b"}},
		"a parameter of another":     {"events?key_path=/a", "x", nil, 422, []string{"query.key_path"}},
		"a parameter twice":          {"events?key=a&key=b", "x", nil, 422, []string{"query.key"}},
		"a malformed query":          {"events?key=%zz", "x", nil, 422, []string{"query"}},
		"keys that differ":           {"events?key=a", "x", []string{"Kafka-Key", "b"}, 422, []string{"header.Kafka-Key"}},
		"an unknown header":          {"events", "x", []string{"Kafka-Kee", "b"}, 422, []string{"header.Kafka-Kee"}},
		"a reserved record header":   {"events", "x", []string{"Kafka-Header-Sluice-X", "b"}, 422, []string{"header.Kafka-Header-Sluice-X"}},
		"another reserved one":       {"events", "x", []string{"Kafka-Header-X-Dlq-Error", "b"}, 422, []string{"header.Kafka-Header-X-Dlq-Error"}},
		"an escape that is none":     {"events", "x", []string{"Kafka-Key", "100%"}, 422, []string{"header.Kafka-Key"}},
		"a header that is not UTF-8": {"events", "x", []string{"Kafka-Key", "%ff"}, 422, []string{"header.Kafka-Key"}},
		"not base64":                 {"events", "x", []string{"Kafka-Key-Base64", "=="}, 422, []string{"header.Kafka-Key-Base64"}},
		"a negative partition":       {"events?partition=-1", "x", nil, 422, []string{"query.partition"}},
		"a huge partition":           {"events?partition=2147483648", "x", nil, 422, []string{"query.partition"}},
		"a partition that is not":    {"events?partition=4", "x", nil, 404, nil},
		"a time before 1970":         {"events?timestamp=-1", "x", nil, 422, []string{"query.timestamp"}},
		"a time after 2262":          {"events?timestamp=2262-04-12T00:00:00Z", "x", nil, 422, []string{"query.timestamp"}},
		"a time two days ahead":      {"events?timestamp=4000000000000", "x", nil, 422, nil},
		"a tombstone without a key":  {"events?tombstone=true", "", nil, 422, []string{"query.tombstone"}},
		"a tombstone with a body":    {"events?tombstone=true&key=a", "x", nil, 422, []string{"body"}},
		"tombstone=maybe":            {"events?tombstone=maybe", "", nil, 422, []string{"query.tombstone"}},
		"a deadline of nothing":      {"events?timeout=0s", "x", nil, 422, []string{"query.timeout"}},
		"a deadline over the limit":  {"events?timeout=11s", "x", nil, 422, []string{"query.timeout"}},
		"an idempotency key":         {"events", "x", []string{"Idempotency-Key", "1"}, 400, nil},
		"an encoding":                {"events", "x", []string{"Content-Encoding", "br"}, 415, nil},
		"two encodings":              {"events", "x", []string{"Content-Encoding", "gzip, gzip"}, 415, nil},
		"not gzip":                   {"events", "x", []string{"Content-Encoding", "gzip"}, 400, nil},
		"not zstd":                   {"events", "x", []string{"Content-Encoding", "zstd"}, 400, nil},
		"no such topic":              {"nowhere", "x", nil, 404, nil},
		"a topic with a NUL":         {"a%00b", "x", nil, 422, []string{"path.topic"}},
		"dots":                       {"%2e%2e", "x", nil, 422, []string{"path.topic"}},
		"a slash":                    {"a%2fb", "x", nil, 422, []string{"path.topic"}},
		"a topic of 250 characters":  {strings.Repeat("a", 250), "x", nil, 422, []string{"path.topic"}},
		"a body over the limit":      {"events", strings.Repeat("x", 2049), nil, 413, nil},
		"a record over the limit":    {"events", strings.Repeat("x", 1025), nil, 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(c.path, c.body, c.headers...)
			require.Equal(t, c.code, a.code, "%s %v", a.Detail, a.Errors)
			require.Equal(t, "no", a.Written)
			require.NotEmpty(t, a.Detail)
			var fields []string
			for _, f := range a.Errors {
				fields = append(fields, f.Location)
				require.NotEmpty(t, f.Message)
			}
			require.Equal(t, c.fields, fields)
		})
	}
	require.Empty(t, s.Values(producertest.Topic))
}

func gzipped(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func zstded(t *testing.T, body string, opts ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, opts...)
	require.NoError(t, err)
	_, err = io.WriteString(z, body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func TestContentEncodings(t *testing.T) {
	s := newService(t, nil)
	for _, body := range []string{"", "hello", strings.Repeat("hello ", 50_000)} {
		require.Equal(t, body, string(s.last(s.send("events", gzipped(t, body), "Content-Encoding", "gzip")).Value))
		require.Equal(t, body, string(s.last(s.send("events", zstded(t, body), "Content-Encoding", "zstd")).Value))
		require.Equal(t, body, string(s.last(s.send("events", body, "Content-Encoding", "identity")).Value))
	}
	for name, body := range map[string]string{"gzip": gzipped(t, strings.Repeat("x", 1000)), "zstd": zstded(t, strings.Repeat("x", 1000))} {
		a := s.send("events", body[:len(body)-3], "Content-Encoding", name)
		require.Equal(t, 400, a.code, "cut off: %s", a.Detail)
	}
}

// A few kilobytes that would become gigabytes are refused where they pass the
// limit, and the room that they took is given back.
func TestBombs(t *testing.T) {
	s := newService(t, func(c *producer.Config) { c.Limits.InFlight = 32 * units.MiB })
	zeros := strings.Repeat("\x00", 64<<20)
	bombs := map[string]string{"gzip": gzipped(t, zeros), "zstd": zstded(t, zeros)}
	for range 3 {
		for encoding, bomb := range bombs {
			a := s.send("events", bomb, "Content-Encoding", encoding)
			require.Equal(t, 413, a.code, a.Detail)
			require.Contains(t, a.Detail, "10485760")
		}
	}
	a := s.send("events", zstded(t, zeros, zstd.WithWindowSize(64<<20)), "Content-Encoding", "zstd")
	require.Equal(t, 400, a.code)
	require.Contains(t, a.Detail, "8 MiB")
}
