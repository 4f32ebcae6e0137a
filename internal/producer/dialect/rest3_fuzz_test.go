package dialect_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

// No text makes the decoder panic, and a record that is taken is the same when
// it is written again with everything in base64.
func FuzzREST3(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"key":null}`, `{"value":{"type":"JSON","data":{"b":1,"a":[9007199254740993]}}}`,
		`{"key":{"type":"BINARY","data":"aGVsbG8\/"},"value":{"type":"STRING","data":"\ud83d\ude00\n"}}`,
		`{"headers":[{"name":"a","value":"YQ=="},{"name":"a","value":null},{"name":"\u0061"}],"partition_id":3}`,
		`{"timestamp":"2021-02-05T19:14:42.123+01:00","value":{"type":"BINARY","data":null}}`,
		`{"value":{"type":"AVRO","data":{}}}`, `{"value":{"data":"x"}}`, `{"\u006bey":{"t\u0079pe":"JSON","data":0}}`, `{"key":{"type":"STRING","data":"\ud800"}}`,
		`{"value":{"type":"JSON","data":"}{\\\""}} {}`, `[]`, `{"headers":[{"name":`,
	} {
		f.Add([]byte(seed), 3)
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, text []byte, part int) {
		record, code := dialect.DecodeREST3(w.Writer, text)
		if value, err := jsontext.NewDecoder(bytes.NewReader(text)).ReadValue(); err == nil && value.Kind() == '{' {
			require.Equal(t, bytes.IndexByte(text, '{')+len(value), dialect.EndOfObject(text, max(1, part)), "where the object ends")
		}
		if code != 0 {
			return
		}
		again := map[string]any{"key": inBase64(record.Key), "value": inBase64(record.Value)}
		if record.Partition >= 0 {
			again["partition_id"] = record.Partition
		}
		if !record.Timestamp.IsZero() {
			again["timestamp"] = record.Timestamp
		}
		var headers []map[string]any
		for _, h := range record.Headers {
			headers = append(headers, map[string]any{"name": h.Key, "value": h.Value})
		}
		again["headers"] = headers
		body, err := json.Marshal(again)
		require.NoError(t, err)
		same, code := dialect.DecodeREST3(w.Writer, body)
		require.Zero(t, code, "%s", body)
		require.True(t, record.Timestamp.Equal(same.Timestamp))
		same.Timestamp = record.Timestamp
		require.Equal(t, record, same)
	})
}

func inBase64(data []byte) any {
	if data == nil {
		return nil
	}
	return map[string]string{"type": "BINARY", "data": base64.StdEncoding.EncodeToString(data)}
}
