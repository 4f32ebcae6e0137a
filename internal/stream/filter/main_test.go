package filter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/stream/filter"
	"sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compile compiles a filter that must be right.
func compile(t testing.TB, text string) *filter.Filter {
	t.Helper()
	f, err := filter.NewSet().Compile(text)
	require.NoError(t, err, text)
	return f
}

// match evaluates a filter that must be right on a record, and must not fail.
func match(t testing.TB, text string, r *filter.Record) bool {
	t.Helper()
	ok, err := compile(t, text).Match(t.Context(), r)
	require.NoError(t, err, text)
	return ok
}

// order is a record like any other.
func order() *filter.Record {
	return &filter.Record{
		Partition: 3, Offset: 4711,
		Timestamp: time.UnixMilli(1795420800123), // 2026-11-23T08:00:00.123Z
		Key:       []byte("customer-7"),
		Value: []byte(`{"id": 12345678901234567890, "total": 249.90, "paid": true, "note": null,
			"customer": {"country": "PL", "email": "Ala@Example.com"},
			"items": [{"sku": "A-1", "qty": 2}, {"sku": "B-9", "qty": 1}], "tags": ["new", "gift"],
			"counter": 9007199254740993, "whole": 1.0, "huge": 123456789012345678901234567890}`),
		Headers: []record.Header{
			{Key: "source", Value: []byte("app")},
			{Key: "source", Value: []byte("web")},
			{Key: "empty", Value: []byte{}},
			{Key: "null"},
			{Key: "raw", Value: []byte{0xff, 0x00}},
		},
	}
}

// valued is a record of which only the value matters.
func valued(value string) *filter.Record { return &filter.Record{Value: []byte(value)} }
