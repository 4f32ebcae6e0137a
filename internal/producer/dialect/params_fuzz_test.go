package dialect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// What a request says beside its body is taken as it was said, or refused.
func FuzzParams(f *testing.F) {
	for _, seed := range []struct{ query, name, value string }{
		{"key=a%20b&partition=2&timestamp=1700000000123&timeout=2s", "Kafka-Key", "a%20b"},
		{"key=&tombstone=true", "Kafka-Key-Base64", "AP8="},
		{"partition=-1", "Kafka-Partition", "2147483647"},
		{"timestamp=2262-04-12T00:00:00Z", "Kafka-Timestamp", "-1"},
		{"key=a&key=b", "Kafka-Header-A", "%ff"},
		{"%zz", "Kafka-Header-", "x"},
		{"key_path=/a&results=each", "Kafka-Header-Sluice-X", "x"},
		{"a;b", "Kafka-Header-Ä", "\xff"},
		{"timeout=1ns", "kafka-key", "a"},
		{"tombstone=", "Kafka-", ""},
	} {
		f.Add(seed.query, seed.name, seed.value)
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, query, name, value string) {
		h := http.Header{}
		h.Add(name, value)
		r, wrong := dialect.ParamsOf(w.Writer, query, h, "tombstone", "key_path", "results")
		if len(wrong) > 0 {
			return
		}
		said, err := url.ParseQuery(query)
		require.NoError(t, err)
		for parameter, values := range said {
			require.Contains(t, []string{"key", "partition", "timestamp", "timeout", "tombstone", "key_path", "results"}, parameter)
			require.Len(t, values, 1, "said twice")
		}
		if said.Has("key") {
			require.NotNil(t, r.Key, "empty is not null")
			require.Equal(t, said.Get("key"), string(r.Key))
		}
		require.GreaterOrEqual(t, r.Partition, int32(producer.AnyPartition))
		if !r.Timestamp.IsZero() {
			require.GreaterOrEqual(t, r.Timestamp.UnixMilli(), int64(0))
			require.Equal(t, r.Timestamp.UnixMilli(), r.Timestamp.UnixNano()/1e6, "can be expressed")
		}
		for _, header := range r.Headers {
			require.NoError(t, producer.CheckHeader(header.Key))
			require.Equal(t, strings.ToLower(header.Key), header.Key)
			require.True(t, utf8.Valid(header.Value))
		}
	})
}

// What is taken as base64 is the same when it is written again, and the
// lenient decoder takes it, too.
func FuzzBase64(f *testing.F) {
	for _, seed := range []string{"", "AP8=", "AP8", "AB==", "A", "====", "AA\nAA", "-_-_", "AAAA=", "ä"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lenient, taken := dialect.Unbase64([]byte(text))
		decoded, ok := dialect.DecodeBase64(text)
		if ok {
			require.True(t, taken)
			require.Equal(t, string(decoded), string(lenient))
			again := base64.StdEncoding.EncodeToString(decoded)
			require.True(t, text == again || text == strings.TrimRight(again, "="), "%q is not %q", text, again)
		}
		if taken {
			require.Empty(t, strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
		}
	})
}

// A body that is taken is what the encoding's own decoder makes of it, and
// never larger than the limit.
func FuzzEncodings(f *testing.F) {
	for _, body := range []string{"", "hello", strings.Repeat("hello ", 500)} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, body)
		_ = z.Close()
		f.Add("gzip", packed.Bytes())
		f.Add("gzip", append(packed.Bytes(), packed.Bytes()...))
		encoder, _ := zstd.NewWriter(nil)
		frame := encoder.EncodeAll([]byte(body), nil)
		_ = encoder.Close()
		f.Add("zstd", frame)
		f.Add("zstd", append(frame, frame...))
		f.Add("identity", []byte(body))
	}
	f.Add("br", []byte("x"))
	f.Add("zstd", []byte("\x28\xb5\x2f\xfd\x00\xff\x00\x00\x00"))
	f.Add("zstd", []byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"))
	const limit = 2 << 10
	w := producertest.New(f, func(c *producer.Config) { c.Limits.Body, c.Limits.InFlight = units.Bytes(limit), 32*units.MiB })
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		decoded, status := dialect.DecodeBody(w.Writer, encoding, body)
		if status != http.StatusOK {
			require.Contains(t, []int{400, 413}, status)
			return
		}
		require.LessOrEqual(t, len(decoded), limit)
		expected := body
		switch encoding = strings.ToLower(strings.TrimSpace(encoding)); encoding {
		case "gzip", "x-gzip":
			reader, err := gzip.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			expected, err = io.ReadAll(reader)
			require.NoError(t, err)
		case "zstd":
			reader, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1))
			require.NoError(t, err)
			defer reader.Close()
			expected, err = io.ReadAll(reader)
			require.NoError(t, err)
		}
		require.Equal(t, string(expected), string(decoded))
	})
}
