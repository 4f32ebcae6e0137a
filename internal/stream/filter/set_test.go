package filter_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

func TestEqualTextsShareAFilter(t *testing.T) {
	set := filter.NewSet()
	got := make([]*filter.Filter, 16)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i], _ = set.Compile(`partition == 1`) })
	}
	all.Wait()
	require.NotNil(t, got[0])
	for _, f := range got {
		require.Same(t, got[0], f)
	}
	other, err := set.Compile(`partition ==  1`)
	require.NoError(t, err)
	require.NotSame(t, got[0], other)
}

// TestASetIsBounded fills it: what is used stays, what is not is dropped, and
// what was dropped goes on working.
func TestASetIsBounded(t *testing.T) {
	set := filter.NewSet()
	n := 0
	next := func() string { n++; return "partition == " + strconv.Itoa(n) }
	used, err := set.Compile(`partition == 0`)
	require.NoError(t, err)
	unused, err := set.Compile(next())
	require.NoError(t, err)
	for range 600 {
		_, err := set.Compile(next())
		require.NoError(t, err)
		again, err := set.Compile(used.Text())
		require.NoError(t, err)
		require.Same(t, used, again)
	}
	again, err := set.Compile(unused.Text())
	require.NoError(t, err)
	require.NotSame(t, unused, again)
	ok, err := unused.Match(t.Context(), &filter.Record{Partition: 1})
	require.NoError(t, err)
	require.True(t, ok)
}

// TestAWrongTextIsWrongAgain has no filter behind it.
func TestAWrongTextIsWrongAgain(t *testing.T) {
	set := filter.NewSet()
	for range 2 {
		f, err := set.Compile("1 +")
		require.Nil(t, f)
		require.Error(t, err)
	}
}
