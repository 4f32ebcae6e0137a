package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sluice/bench/producer/load"

	"github.com/stretchr/testify/require"
)

func TestRecordsAreOfOneSize(t *testing.T) {
	for _, f := range []form{textRecord, jsonRecord} {
		require.Len(t, f.value, recordSize)
		_, _, err := load.ParseID(f.value[f.id:])
		require.NoError(t, err)
	}
	require.JSONEq(t, `{"content":"`+string(textRecord.value)+`"}`, string(content().Bytes))
	for _, binary := range []bool{false, true} {
		b := batch(binary)
		require.Len(t, b.IDs, perBatch)
		var body struct {
			Records []struct{ Value json.RawMessage }
		}
		require.NoError(t, json.Unmarshal(b.Bytes, &body))
		require.Len(t, body.Records, perBatch)
		if !binary {
			require.Equal(t, string(jsonRecord.value), string(body.Records[perBatch-1].Value))
			continue
		}
		var value []byte
		require.NoError(t, json.Unmarshal(body.Records[perBatch-1].Value, &value))
		require.Equal(t, string(textRecord.value), string(value))
	}
}

func TestAnswersThatTellOfFailedRecords(t *testing.T) {
	require.NoError(t, checkSummary([]byte(`{"written":3,"failed":0,"unknown":0,"complete":true,"errors":[]}`), 3))
	for _, bad := range []string{
		`{"written":2,"failed":1,"unknown":0,"complete":true}`, `{"written":3,"failed":0,"unknown":0,"complete":false}`, `{}`, ``,
	} {
		require.Error(t, checkSummary([]byte(bad), 3), bad)
	}
	good := `{"partition":0,"offset":7,"error_code":null,"error":null}`
	answer := func(last string) []byte {
		return []byte(`{"offsets":[` + strings.Repeat(good+",", perBatch-1) + last + `],"key_schema_id":null,"value_schema_id":null}`)
	}
	require.NoError(t, checkBatch(answer(good)))
	require.NoError(t, checkBatch(bytes.ReplaceAll(answer(good), []byte(":"), []byte(" : "))), "spaces mean nothing")
	require.ErrorContains(t, checkBatch(answer(`{"partition":null,"offset":null,"error_code":50003,"error":"may have been written"}`)), "may have been written")
	for _, bad := range []string{`{"offsets":[]}`, `{}`, ``} {
		require.Error(t, checkBatch([]byte(bad)), bad)
	}
}
