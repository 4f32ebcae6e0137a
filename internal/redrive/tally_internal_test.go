package redrive

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATallyFindsWhatIsFrequentInBoundedMemory(t *testing.T) {
	var few tally
	for i := range 100 {
		few.add(fmt.Sprint(i % 12))
	}
	top := few.top()
	require.Len(t, top, topValues)
	require.Equal(t, Count{"0", 9}, top[0], "the more frequent first, then by name")
	require.False(t, few.approximate)

	var many tally
	for i := range 50_000 {
		many.add(fmt.Sprintf("order %d is unknown", i))
		if i%10 == 0 {
			many.add("the bank does not answer")
		}
		require.LessOrEqual(t, len(many.counts), tallySize)
	}
	require.True(t, many.approximate)
	require.Equal(t, "the bank does not answer", many.top()[0].Value)
	require.InDelta(t, 5000, many.top()[0].Count, 55_000/tallySize)
}

func TestABriefText(t *testing.T) {
	require.Equal(t, "plain", brief("plain"))
	require.Equal(t, "a\uFFFDb", brief("a\xffb"))
	require.Len(t, brief(strings.Repeat("x", 5000)), briefSize)
	require.Equal(t, strings.Repeat("é", briefSize/2-1)+"x", brief(strings.Repeat("é", briefSize/2-1)+"xé"), "no letter is cut in two")
	require.NotEmpty(t, brief(strings.Repeat("\x80", 5000)))
}
