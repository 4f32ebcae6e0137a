package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

// written is when the records of the tests were written.
var written = time.UnixMilli(1_800_000_000_000)

func TestPoints(t *testing.T) {
	const good = `{"id":"v0001","t":1800000000000,"x":1.5,"y":2,"speed":0,"heading":359.9}`
	p, err := parsePoint("v0001", []byte(good), written)
	require.NoError(t, err)
	require.Equal(t, point{"v0001", 1_800_000_000_000, 1.5, 2, 0, 359.9}, p)
	require.JSONEq(t, good, p.text())

	with := func(t int64, x, y, speed, heading string) string {
		return fmt.Sprintf(`{"id":"v0001","t":%d,"x":%s,"y":%s,"speed":%s,"heading":%s}`, t, x, y, speed, heading)
	}
	now := written.UnixMilli()
	for name, c := range map[string]struct{ key, value, class string }{
		"at the edge":               {"v0001", with(now, "8000", "6000", "300", "0"), ""},
		"a clock that is ahead":     {"v0001", with(now+600_000, "0", "0", "0", "0"), ""},
		"spaces between its parts":  {"v0001", " {\n\"id\" : \"v0001\",\"t\":1,\"x\":1,\"y\":1,\"speed\":1,\"heading\":1} ", ""},
		"no JSON":                   {"v0001", `{"id":"v0001","t":`, "decode"},
		"not a number":              {"v0001", with(now, "NaN", "0", "0", "0"), "decode"},
		"too large a number":        {"v0001", with(now, "1e999", "0", "0", "0"), "decode"},
		"a time with a fraction":    {"v0001", `{"id":"v0001","t":1.5,"x":1,"y":1,"speed":1,"heading":1}`, "decode"},
		"a number as a string":      {"v0001", with(now, `"1"`, "0", "0", "0"), "decode"},
		"nothing":                   {"v0001", "", "decode"},
		"null":                      {"v0001", "null", "decode"},
		"a list":                    {"v0001", "[1]", "decode"},
		"a string that is a point":  {"v0001", `"{\"id\":\"v0001\",\"t\":1,\"x\":1,\"y\":1,\"speed\":1,\"heading\":1}"`, "decode"},
		"a field that is missing":   {"v0001", `{"id":"v0001","t":1,"x":1,"y":1,"speed":1}`, "permanent"},
		"a field that is null":      {"v0001", with(now, "null", "0", "0", "0"), "decode"},
		"a field that is unknown":   {"v0001", `{"id":"v0001","t":1,"x":1,"y":1,"speed":1,"heading":1,"z":1}`, "decode"},
		"a field in other letters":  {"v0001", `{"ID":"v0001","t":1,"x":1,"y":1,"speed":1,"heading":1}`, "decode"},
		"a field twice":             {"v0001", `{"id":"v0001","t":1,"x":1,"x":2,"y":1,"speed":1,"heading":1}`, "decode"},
		"two of them":               {"v0001", good + good, "decode"},
		"bytes that are not UTF-8":  {"v0001", "{\"id\":\"v0001\xff\",\"t\":1,\"x\":1,\"y\":1,\"speed\":1,\"heading\":1}", "decode"},
		"of another key":            {"v0002", good, "permanent"},
		"without a key":             {"", good, "permanent"},
		"an id that is none":        {"bus", `{"id":"bus","t":1,"x":1,"y":1,"speed":1,"heading":1}`, "permanent"},
		"an id that is too long":    {"v000001", `{"id":"v000001","t":1,"x":1,"y":1,"speed":1,"heading":1}`, "permanent"},
		"an id with a letter":       {"v00a1", `{"id":"v00a1","t":1,"x":1,"y":1,"speed":1,"heading":1}`, "permanent"},
		"west of the world":         {"v0001", with(now, "-0.1", "0", "0", "0"), "permanent"},
		"east of the world":         {"v0001", with(now, "8000.1", "0", "0", "0"), "permanent"},
		"north of the world":        {"v0001", with(now, "0", "-1", "0", "0"), "permanent"},
		"south of the world":        {"v0001", with(now, "0", "6001", "0", "0"), "permanent"},
		"backwards":                 {"v0001", with(now, "0", "0", "-1", "0"), "permanent"},
		"faster than anything":      {"v0001", with(now, "0", "0", "301", "0"), "permanent"},
		"a heading of a full turn":  {"v0001", with(now, "0", "0", "0", "360"), "permanent"},
		"a heading below zero":      {"v0001", with(now, "0", "0", "0", "-1"), "permanent"},
		"before 1970":               {"v0001", with(-1, "0", "0", "0", "0"), "permanent"},
		"too far in the future":     {"v0001", with(now+600_001, "0", "0", "0", "0"), "permanent"},
		"as far as a time can tell": {"v0001", with(1<<62, "0", "0", "0", "0"), "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			h := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
				_, err := parsePoint(string(r.Key), r.Value, r.Timestamp)
				return err
			})
			got := consumertest.Handle(t.Context(), h, record.Record{Key: []byte(c.key), Value: []byte(c.value), Timestamp: written})
			require.Equal(t, c.class, got.Class, got)
		})
	}
}
