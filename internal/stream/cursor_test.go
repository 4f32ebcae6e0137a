package stream

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCursor(t *testing.T) {
	c := Cursor{
		{ID: [16]byte{1, 2, 3}, name: nameHash("a"), Next: []int64{0, 1, 127, 128, math.MaxInt64}},
		{name: nameHash("b"), Next: []int64{}},
	}
	text := c.String()
	require.True(t, strings.HasPrefix(text, "v1."))
	got, err := ParseCursor(text)
	require.NoError(t, err)
	require.Equal(t, c, got)

	at, found, anew := got.find("a", c[0].ID)
	require.True(t, found)
	require.False(t, anew)
	require.Equal(t, c[0].Next, at.Next)
	_, found, anew = got.find("a", [16]byte{9})
	require.False(t, found)
	require.True(t, anew, "the name with another id")
	_, found, anew = got.find("c", [16]byte{1, 2, 3})
	require.False(t, found || anew, "an id under another name is another topic")
}

// The largest cursor that is allowed fits: 500 partitions of 30 billion records
// each.
func TestTheLargestCursor(t *testing.T) {
	next := make([]int64, MaxPartitions)
	for p := range next {
		next[p] = 1<<35 - 1
	}
	text := Cursor{{Next: next}}.String()
	require.LessOrEqual(t, len(text), MaxCursor)
	_, err := ParseCursor(text)
	require.NoError(t, err)
}

func TestBadCursors(t *testing.T) {
	good := Cursor{{Next: []int64{5, 6}}}.String()
	tooMany := Cursor{{Next: make([]int64, MaxPartitions)}, {Next: []int64{1}}}.String()
	for name, text := range map[string]string{
		"empty":                   "",
		"another version":         "v2" + good[2:],
		"no version":              good[3:],
		"cut off":                 good[:len(good)-1],
		"half":                    good[:len(good)/2],
		"the version alone":       "v1.",
		"more behind it":          good + "AA",
		"a letter changed":        strings.Replace(good, "U", "V", 1),
		"padding":                 good + "==",
		"a space":                 good + " ",
		"not base64url":           "v1.////",
		"an offset of other SSEs": "184220",
		"longer than any":         "v1." + strings.Repeat("A", MaxCursor),
		"too many partitions":     tooMany,
		"too many topics":         make(Cursor, maxTopics+1).String(),
		"a negative offset":       "v1.AQAAAAAAAAAAAAAAAAAAAAAAAAAAAf_________8BWg",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCursor(text)
			require.ErrorIs(t, err, errBadCursor)
		})
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(Cursor{{Next: []int64{5, 6}}}.String())
	f.Add("v1.AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCursor(text)
		if err != nil {
			return
		}
		again, err := ParseCursor(c.String())
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, c, again)
	})
}
