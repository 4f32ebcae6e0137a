package redrive

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnIDCarriesWhereItsStatusIs(t *testing.T) {
	id := newIdentity("orders", 1<<40)
	require.Len(t, id.String(), 32)
	back, ok := parseIdentity(id.String())
	require.True(t, ok)
	require.Equal(t, id, back)
	require.NotEqual(t, id.String(), newIdentity("orders", 1<<40).String())
}

func FuzzID(f *testing.F) {
	f.Add(newIdentity("orders", 7).String())
	f.Add("")
	f.Add("VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV")
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := parseIdentity(text)
		if ok && (id.String() != text || id.offset < 0) {
			t.Fatalf("%q was read as %q", text, id)
		}
	})
}

func FuzzReceiptKey(f *testing.F) {
	f.Add("3:17")
	f.Add("-1:0")
	f.Add("0:9223372036854775808")
	f.Fuzz(func(t *testing.T, text string) {
		partition, offset, ok := parseReceiptKey(text)
		if ok && (partition < 0 || offset < 0) {
			t.Fatalf("%q was read as %d, %d", text, partition, offset)
		}
	})
}
