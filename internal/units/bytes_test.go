package units_test

import (
	"testing"

	"sluice/internal/units"

	"github.com/stretchr/testify/require"
)

func TestBytesReadsAndWrites(t *testing.T) {
	for text, want := range map[string]units.Bytes{
		"0":       0,
		"17":      17,
		"900KiB":  900 * units.KiB,
		"10 MiB":  10 * units.MiB,
		"2GiB":    2 * units.GiB,
		"3KB":     3000,
		"1000012": 1000012,
	} {
		var got units.Bytes
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got, text)

		again := units.Bytes(-1)
		require.NoError(t, again.UnmarshalText([]byte(got.String())), got.String())
		require.Equal(t, got, again, "what String writes is read back")
	}
}

func TestBytesRefuses(t *testing.T) {
	for _, text := range []string{"", "-1", "1.5MiB", "ten", "1TiBs", "9223372036854775807GiB", "MiB"} {
		var got units.Bytes
		require.Error(t, got.UnmarshalText([]byte(text)), text)
	}
}
