package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/record"
)

// at is when the records of the tests were written.
var at = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestLinesAreRead(t *testing.T) {
	day := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return when
	}
	tests := []struct {
		name, value string
		want        line
	}{
		{
			"JSON", `{"ts":"2026-01-02T11:59:58.5+01:00","level":"ERROR","service":"cart","msg":"no","ms":12.5}`,
			line{Time: day("2026-01-02T10:59:58.5Z"), Level: levelError, Text: "no", Millis: 12.5},
		},
		{"JSON without a time", `{"level":"warning","msg":"hm"}`, line{Level: levelWarn, Text: "hm", Millis: -1}},
		{"JSON with a negative latency", `{"ts":"2026-01-02T11:00:00Z","ms":-3}`, line{Time: day("2026-01-02T11:00:00Z"), Level: levelInfo, Millis: -1}},
		{"JSON whose types are wrong", `{"ts":1767355200,"level":["x"]}`, line{Level: levelInfo, Text: `{"ts":1767355200,"level":["x"]}`, Millis: -1}},
		{"JSON that is broken", `{"ts":"2026-01-02T11:00:00Z"`, line{Level: levelInfo, Text: `{"ts":"2026-01-02T11:00:00Z"`, Millis: -1}},
		{
			"RFC 5424", `<131>1 2026-01-02T11:59:59.003Z host app 1 - - it took 35.2 ms`,
			line{Time: day("2026-01-02T11:59:59.003Z"), Level: levelError, Text: "it took 35.2 ms", Millis: 35.2},
		},
		{
			"RFC 5424 with data that has a bracket in it", `<14>1 2026-01-02T11:00:00+00:00 h a - ID47 [x@1 k="a\"]b"][y@1] it is`,
			line{Time: day("2026-01-02T11:00:00Z"), Level: levelInfo, Text: "it is", Millis: -1},
		},
		{"RFC 5424 without a time", `<12>1 - - - - - -`, line{Level: levelWarn, Millis: -1}},
		{
			"RFC 3164", `<34>Jan  2 11:22:33 mymachine su: 'su root' failed`,
			line{Time: day("2026-01-02T11:22:33Z"), Level: levelError, Text: "mymachine su: 'su root' failed", Millis: -1},
		},
		{
			"a date of the year before", `Dec 31 23:59:59 host kernel: warning: hot`,
			line{Time: day("2025-12-31T23:59:59Z"), Level: levelWarn, Text: "host kernel: warning: hot", Millis: -1},
		},
		{
			"dpkg", `2026-01-02 11:03:12 status installed libc6:amd64 2.41-12`,
			line{Time: day("2026-01-02T11:03:12Z"), Level: levelInfo, Text: "status installed libc6:amd64 2.41-12", Millis: -1},
		},
		{"apt", `Start-Date: 2026-01-01  18:03:56`, line{Time: day("2026-01-01T18:03:56Z"), Level: levelInfo, Text: "Start-Date:", Millis: -1}},
		{"Python", `2026-01-02 11:00:00,250 - root - ERROR - oh`, line{Time: day("2026-01-02T11:00:00.25Z"), Level: levelError, Text: "root - ERROR - oh", Millis: -1}},
		{"PostgreSQL", `2026-01-02 11:00:00.250 +0200 [17] LOG:  ready`, line{Time: day("2026-01-02T09:00:00.25Z"), Level: levelInfo, Text: "[17] LOG:  ready", Millis: -1}},
		{
			"a web server", `1.2.3.4 - - [02/Jan/2026:11:00:00 +0000] "GET / HTTP/1.1" 200`,
			line{Time: day("2026-01-02T11:00:00Z"), Level: levelInfo, Text: `1.2.3.4 - - "GET / HTTP/1.1" 200`, Millis: -1},
		},
		{"text as JSON", `"2026-01-02 11:00:00 \u00fc"`, line{Time: day("2026-01-02T11:00:00Z"), Level: levelInfo, Text: "ü", Millis: -1}},
		{"a part of a stack", "\tat com.example.Pool.take(Pool.java:7)", line{Level: levelInfo, Text: "at com.example.Pool.take(Pool.java:7)", Millis: -1}},
		{"nothing", "", line{Level: levelInfo, Millis: -1}},
		{"bytes", "\xff\xfe", line{Level: levelInfo, Text: "//4=", Millis: -1}},
		{"a time to come", "2026-01-02 12:01:01 x", line{Level: levelInfo, Text: "x", Millis: -1}},
		{"a time before 1970", "1969-12-31 00:00:00 x", line{Level: levelInfo, Text: "x", Millis: -1}},
		{"a time that is none", "2026-13-45 99:00:00 x", line{Level: levelInfo, Text: "2026-13-45 99:00:00 x", Millis: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(&record.Record{Value: []byte(tt.value), Timestamp: at})
			got.Time = got.Time.UTC()
			require.Equal(t, tt.want, got)
		})
	}
}

func TestHeadersNumberALine(t *testing.T) {
	header := func(source, seq, zone string) line {
		return read(&record.Record{Value: []byte("2026-01-02 11:00:00 x"), Timestamp: at, Headers: []record.Header{
			{Key: headerSource, Value: []byte(source)}, {Key: headerSeq, Value: []byte(seq)}, {Key: headerZone, Value: []byte(zone)},
		}})
	}
	l := header("a", "7", "+02:00")
	require.Equal(t, "a", l.Source)
	require.Equal(t, int64(7), l.Seq)
	require.Equal(t, time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC), l.Time.UTC())
	for _, bad := range [][2]string{{"", "7"}, {"a", "0"}, {"a", "-1"}, {"a", "seven"}, {"a", "99999999999999999999"}, {strings.Repeat("a", maxSource+1), "7"}} {
		l := header(bad[0], bad[1], "Europe/Warsaw")
		require.Equal(t, line{Time: l.Time, Level: levelInfo, Text: "x", Millis: -1}, l, "%q", bad)
		require.Equal(t, 11, l.Time.UTC().Hour())
	}
	require.Equal(t, "//4=", header("\xff\xfe", "1", "").Source, "as service B shows it")
}

func TestAHugeLineIsCut(t *testing.T) {
	for _, begin := range []string{"", "<14>1 2026-01-02T11:00:00Z - - - - - ", `{"msg":"`} {
		l := read(&record.Record{Value: []byte(begin + strings.Repeat("é", 1<<19)), Timestamp: at})
		require.LessOrEqual(t, len(l.Text), maxText+2)
		require.LessOrEqual(t, len(template(l.Text)), maxTemplate+2)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"ts":"2026-01-02T11:59:58.5+01:00"}`), "a", "1")
	f.Add([]byte(`<131>1 2026-01-02T11:59:59.003Z host app 1 - - it took 35.2 ms`), "", "")
	f.Add([]byte("Jan  2 11:22:33 x"), "b", "x")
	f.Fuzz(func(t *testing.T, value []byte, source, seq string) {
		l := read(&record.Record{Value: value, Timestamp: at, Headers: []record.Header{{Key: headerSource, Value: []byte(source)}, {Key: headerSeq, Value: []byte(seq)}}})
		require.False(t, l.Time.After(at.Add(maxAhead)))
		require.True(t, l.Level >= 0 && l.Level < levels)
		require.LessOrEqual(t, len(template(l.Text)), 2*maxTemplate)
	})
}
