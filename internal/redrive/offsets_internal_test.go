package redrive

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The set is what a map of all offsets would be.
func TestOffsetsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s offsets
		model := map[int64]bool{}
		offset := rapid.OneOf(
			rapid.Int64Range(0, 300), rapid.Int64Range(chunkSize-3, chunkSize+3),
			rapid.Int64Range(1<<62, 1<<62+3), rapid.Just(int64(1<<63-1)),
		)
		t.Repeat(map[string]func(*rapid.T){
			"add":    func(t *rapid.T) { o := offset.Draw(t, "offset"); s.add(o); model[o] = true },
			"remove": func(t *rapid.T) { o := offset.Draw(t, "offset"); s.remove(o); delete(model, o) },
			"has": func(t *rapid.T) {
				if o := offset.Draw(t, "offset"); s.has(o) != model[o] {
					t.Fatalf("%d: %v, want %v", o, s.has(o), model[o])
				}
			},
		})
	})
}

// A million letters that were all redriven take no more than a few hundred
// bytes, and one that is taken out again is missed alone.
func TestARunOfOffsetsTakesNoMemory(t *testing.T) {
	const n = 1_000_000
	var s offsets
	for o := range int64(n) {
		s.add(o)
	}
	require.Len(t, s.chunks, (n+chunkSize-1)/chunkSize)
	dense := 0
	for _, c := range s.chunks {
		if c.bits != nil {
			dense++
		}
	}
	require.Equal(t, 1, dense, "the last chunk alone has bits")
	s.remove(70_000)
	for _, o := range []int64{0, 69_999, 70_001, n - 1} {
		require.True(t, s.has(o))
	}
	require.False(t, s.has(70_000))
	require.False(t, s.has(n))
}
