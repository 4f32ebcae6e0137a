package dialect_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
)

// fuzzedREST2 is a request as the standard library reads it.
type fuzzedREST2 struct {
	Records []struct {
		Key, Value json.RawMessage
		Partition  *int32
		Timestamp  *int64
		Headers    []struct {
			Key   string
			Value *string
		}
	}
	KeySchema     json.RawMessage `json:"key_schema"`
	ValueSchema   json.RawMessage `json:"value_schema"`
	KeySchemaID   json.RawMessage `json:"key_schema_id"`
	ValueSchemaID json.RawMessage `json:"value_schema_id"`
}

// What the decoder takes is what the standard library reads there, and is
// valid; what the standard library does not take, it refuses.
func FuzzREST2(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"records":[]}`, `{"records":null}`, `{"records":[{}]}`,
		`{"records":[{"key":null,"value":0},{"value":false},{"value":""},{"value":{}}]}`,
		`{"records":[{"key":"eA==","value":"eHk","partition":1,"timestamp":1700000000000,"headers":[{"key":"a","value":"eA=="},{"key":"b","value":null}]}]}`,
		`{"key_schema":null,"value_schema_id":null,"records":[{"value":"a\u00e4\ud83d\ude00\n\/"}]}`,
		`{"records":[{"value":1e400},{"value":9223372036854775808}]} `,
		`{"records":[{"value":"eA=="},{"val\u0075e":"eA\u003d="}]}`,
		`{"key_schema":"x","records":[{"key":1}]}`, `{"records":[{"value":"\ud800"}]}`, "{\"records\":[{\"value\":\"\xff\"}]}",
		`{"records":[{"partition":-1}]}`, `{"records":[{"timestamp":-1}]}`, `{"records":[{"headers":[{"key":"x-dlq-a"}]}]}`,
		`{"records":[[[[]]]]}`, `{"records":{}}`, `[{"records":[]}]`, `{"records":[{"value":1}]}{}`, `{"Records":[{}]}`,
	} {
		f.Add([]byte(seed))
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, media := range []string{restJSON, restBinary, restText, "application/vnd.kafka.avro.v2+json"} {
			records, status, code := dialect.DecodeREST2(w.Writer, media, body)
			if status != 200 {
				require.Contains(t, []int{400, 413, 422}, status)
				require.Contains(t, []int{400, 413, 422, 42201, 42202}, code)
				require.Empty(t, records)
				continue
			}
			var want fuzzedREST2
			require.NoError(t, json.Unmarshal(body, &want), "what is taken is JSON")
			require.True(t, utf8.Valid(body))
			require.Len(t, records, len(want.Records))
			require.NotEmpty(t, records)
			for i := range records {
				r, expected := &records[i], want.Records[i]
				requireContent(t, media, expected.Key, r.Key)
				requireContent(t, media, expected.Value, r.Value)
				if expected.Partition == nil {
					require.EqualValues(t, producer.AnyPartition, r.Partition)
				} else {
					require.Equal(t, *expected.Partition, r.Partition)
					require.GreaterOrEqual(t, r.Partition, int32(0))
				}
				require.Equal(t, expected.Timestamp == nil, r.Timestamp.IsZero())
				if expected.Timestamp != nil {
					require.Equal(t, *expected.Timestamp, r.Timestamp.UnixMilli())
					require.NotPanics(t, func() { _ = r.Timestamp.UnixNano() })
				}
				require.Len(t, r.Headers, len(expected.Headers))
				for j, h := range r.Headers {
					require.Equal(t, expected.Headers[j].Key, h.Key)
					require.NoError(t, producer.CheckHeader(h.Key))
					require.Equal(t, expected.Headers[j].Value == nil, h.Value == nil)
				}
			}
		}
	})
}

// requireContent compares a key or a value with the JSON that it came from.
func requireContent(t *testing.T, media string, raw json.RawMessage, got []byte) {
	t.Helper()
	if raw == nil || string(raw) == "null" {
		require.Nil(t, got)
		return
	}
	require.NotNil(t, got)
	if media == restJSON {
		require.Equal(t, string(raw), string(got), "the bytes as they came")
		return
	}
	var text string
	require.NoError(t, json.Unmarshal(raw, &text))
	if media == restText {
		require.Equal(t, text, string(got))
		return
	}
	padded := text
	for len(padded)%4 != 0 {
		padded += "="
	}
	decoded, err := base64.StdEncoding.DecodeString(padded)
	require.NoError(t, err)
	require.Equal(t, decoded, append([]byte{}, got...))
}

func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{``, `a`, `\n\"\\\/`, `\u0041\ud83d\ude00`, `ä\u00e4`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		var want string
		if !utf8.ValidString(inside) || json.Unmarshal([]byte(`"`+inside+`"`), &want) != nil || loneSurrogate(want) {
			return
		}
		require.Equal(t, want, string(dialect.Unescape([]byte(inside))))
	})
}

// loneSurrogate reports whether the standard library may have replaced one,
// which the decoder refuses.
func loneSurrogate(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError {
			return true
		}
	}
	return false
}
