package filter_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
	"sluice/record"
)

// FuzzMatch compiles any text and evaluates it on any record. Whatever they
// are, it ends soon and without a panic: neither a text nor a record makes CEL
// fail inside, a wrong text is pointed at, and the same question has the same
// answer twice.
func FuzzMatch(f *testing.F) {
	for _, text := range []string{
		`value.total > 100 && key == "a"`, `value.items.exists(i, i.sku in ["a", "b"])`, `headers.a.matches("^a+$")`,
		`value.filter(x, x.y == 1).size() > 2`, `timestamp.getHours("Europe/Warsaw") == 1 / partition`, `value + value == key`,
		`bytes(key) in [b"a", b"b"]`, `{"a": 1}[key] == value`, `value == {1: [2u, null]}`, `type(value) == map`,
	} {
		f.Add(text, []byte(`{"total":1e3,"items":[{"sku":"a"}],"x":[null,true,-5]}`), []byte("key"), "a", []byte("aa"), int64(1795420800123), int32(0))
		f.Add(text, []byte("\xff"), []byte(nil), "\xff", []byte(nil), int64(-1), int32(7))
	}
	set := filter.NewSet()
	f.Fuzz(func(t *testing.T, text string, value, key []byte, name string, header []byte, at int64, partition int32) {
		expr, err := set.Compile(text)
		if err != nil {
			wrong, ok := errors.AsType[*filter.SyntaxError](err)
			require.True(t, ok, "%v", err)
			require.Positive(t, wrong.Line)
			require.Positive(t, wrong.Column)
			require.True(t, utf8.ValidString(wrong.Message))
			return
		}
		r := &filter.Record{
			Value: value, Key: key, Headers: []record.Header{{Key: name, Value: header}},
			Timestamp: time.UnixMilli(at), Partition: partition,
		}
		first, err := expr.Match(t.Context(), r)
		if err != nil {
			require.False(t, first)
			require.NotContains(t, err.Error(), "internal error")
			return
		}
		second, err := expr.Match(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}
