package filter_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

// BenchmarkMatch is what a record costs, with the value parsed each time and,
// as where many filters see the same record, with the value that is parsed.
func BenchmarkMatch(b *testing.B) {
	value := []byte(`{"id":17,"customer":{"id":"c-7","country":"PL"},"total":249.90,"currency":"EUR","items":[{"sku":"A-1","qty":2},{"sku":"B-9","qty":1}],"paid":true}`)
	for _, bench := range []struct{ name, text string }{
		{"partition", `partition == 3`},
		{"key", `key == "c-7"`},
		{"header", `headers.source == "web"`},
		{"field", `value.total > 100`},
		{"fields", `value.customer.country == "PL" && value.total > 100 && value.currency in ["EUR", "USD"]`},
		{"loop", `value.items.exists(i, i.sku == "B-9")`},
		{"pattern", `value.customer.id.matches("^c-[0-9]+$")`},
		{"missing", `value.nothing == 1`},
	} {
		f, err := filter.NewSet().Compile(bench.text)
		require.NoError(b, err)
		fresh := func() *filter.Record {
			return &filter.Record{Partition: 3, Offset: 4711, Timestamp: time.UnixMilli(1795420800123), Key: []byte("c-7"), Value: value}
		}
		b.Run(bench.name+"/first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = f.Match(b.Context(), fresh()) // Not all of them match.
			}
		})
		b.Run(bench.name+"/shared", func(b *testing.B) {
			b.ReportAllocs()
			r := fresh()
			for b.Loop() {
				_, _ = f.Match(b.Context(), r)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	s := filter.NewSet()
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Compile(`value.customer.country == "PL" && value.total > 100`)
			require.NoError(b, err)
		}
	})
	b.Run("new", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++ // More texts than the set keeps.
			_, err := s.Compile(`value.customer.country == "PL" && value.total > ` + strconv.Itoa(n))
			require.NoError(b, err)
		}
	})
}
