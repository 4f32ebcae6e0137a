package kafka

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the client makes of a timestamp is undone, also where it has wrapped.
func TestMillis(t *testing.T) {
	for name, in := range map[string]int64{
		"1970":             0,
		"none":             -1,
		"before 1970":      -62_135_596_800_000,
		"now":              1_795_435_200_000,
		"2262":             math.MaxInt64 / 1_000_000,
		"a moment later":   math.MaxInt64/1_000_000 + 1,
		"2286":             10_000_000_000_000,
		"the year 9999":    253_402_300_799_999,
		"the year 4000000": 1<<57 - 1,
	} {
		t.Run(name, func(t *testing.T) {
			nanos := in
			nanos *= 1_000_000 // May wrap, as it does in the client.
			require.Equal(t, in, Millis(time.Unix(0, nanos)))
		})
	}
}
