package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sluice/bench/producer/load"

	"github.com/stretchr/testify/require"
)

func TestSpreads(t *testing.T) {
	require.Equal(t, spread{Median: 2, Min: 1, Max: 9}, spreadOf([]float64{9, 1, 2}))
	require.Equal(t, spread{Median: 2.5, Min: 1, Max: 9}, spreadOf([]float64{9, 2, 1, 3}))
}

func TestPercentiles(t *testing.T) {
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, i+1)
	}
	for p, want := range map[float64]int{0: 1, 50: 50, 99: 99, 99.9: 100, 100: 100} {
		require.Equal(t, want, percentile(hundred, p), "%g", p)
	}
	require.Equal(t, 7, percentile([]int{7}, 50))
	require.Zero(t, percentile([]int{}, 50))
}

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

func TestStateOfAProcess(t *testing.T) {
	size, err := parseStatus("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n", "VmRSS")
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, size)
	_, err = parseStatus("Name:\tx\n", "VmRSS")
	require.Error(t, err)
}

func TestTurns(t *testing.T) {
	g := group{contestants: []contestant{{name: "a"}, {name: "b"}, {name: "c"}}}
	var turns []string
	for round := range 3 {
		turn := ""
		for _, c := range g.order(round) {
			turn += c.name
		}
		turns = append(turns, turn)
	}
	require.Equal(t, []string{"abc", "cba", "bca"}, turns)
}

func TestTargets(t *testing.T) {
	runs := []sample{ // sixty-linger is better in the middle, and the last round was slow for all.
		{Group: groupClosed, Contestant: sixtySync, Round: 0, CPU: 30},
		{Group: groupClosed, Contestant: sixtyLinger, Round: 0, CPU: 20},
		{Group: groupClosed, Contestant: sixtySync, Round: 1, CPU: 30},
		{Group: groupClosed, Contestant: sixtyLinger, Round: 1, CPU: 20},
		{Group: groupClosed, Contestant: sixtySync, Round: 2, CPU: 60},
		{Group: groupClosed, Contestant: sixtyLinger, Round: 2, CPU: 40},
		{Group: groupClosed, Contestant: sluice, Round: 0, CPU: 10},
		{Group: groupClosed, Contestant: sluice, Round: 1, CPU: 12},
		{Group: groupClosed, Contestant: sluice, Round: 2, CPU: 20},
		{Group: groupOpen500, Contestant: sluice, Round: 0, CPU: 1}, // Of another group.
	}
	v := target{groupClosed, sluice, cpu, sixties, 0.5}.judge(runs)
	require.Contains(t, v.What, "/ sixty-linger")
	require.Equal(t, &spread{Median: 0.5, Min: 0.5, Max: 0.6}, v.Measured)
	require.True(t, *v.Met)

	v = target{groupClosed, sluice, cpu, nil, 11}.judge(runs)
	require.Equal(t, "≤ 11", v.Target)
	require.False(t, *v.Met)

	v = target{groupClosed, sluiceKeys, rate, []string{sluice}, 0.9}.judge(runs)
	require.Nil(t, v.Measured)
	require.Nil(t, v.Met)
}
