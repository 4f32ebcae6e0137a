package stream

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/record"

	"github.com/stretchr/testify/require"
)

func testRing(limit int, partitions int) *ring {
	r := newRing("t", &room{ring: limit, all: 1 << 30})
	r.begin(record.TopicID{1}, make([]bounds, partitions), make([]int64, partitions))
	return r
}

// filled appends n records of size bytes to a partition, each as a flush.
func filled(r *ring, partition int32, from, n int64, size int) {
	for o := from; o < from+n; o++ {
		r.append([]part{{partition: partition, records: []rec{{partition: partition, offset: o, value: []byte(strings.Repeat("x", size))}}, next: o + 1}}, time.Now())
	}
}

// A ring keeps what it may, and its beginning is the end of what it has dropped.
func TestARingForgetsItsOldest(t *testing.T) {
	r := testRing(100_000, 2)
	filled(r, 0, 0, 50, 1000)
	filled(r, 1, 0, 200, 1000)
	v := r.look(0, 1)
	require.LessOrEqual(t, r.bytes, 100_000)
	require.Equal(t, int64(50), v.low[0])
	require.Greater(t, v.low[1], int64(100))
	require.Equal(t, []int64{50, 200}, v.next)
	require.Equal(t, v.low[1], r.look(v.first, 1).batches[0].records[0].offset)
	require.Equal(t, int64(r.bytes), r.room.used.Load())

	// One that alone is larger stays: there is always something to follow.
	filled(r, 0, 50, 1, 200_000)
	require.Len(t, r.batches, 1)
	r.clear()
	require.Zero(t, r.room.used.Load())
}

// Frames that are made count, and push out what is older.
func TestFramesTakeRoom(t *testing.T) {
	r := testRing(100_000, 1)
	filled(r, 0, 0, 50, 1000)
	before := r.bytes
	for _, b := range r.look(0, 100).batches {
		b.encoded(Form{Format: SSE})
	}
	require.Greater(t, r.bytes, before)
	for _, b := range r.look(0, 100).batches {
		b.encoded(Form{Format: JSON})
	}
	require.LessOrEqual(t, r.bytes, 100_000)
	require.Positive(t, r.first)
}

func TestLocate(t *testing.T) {
	r := testRing(1<<20, 2)
	filled(r, 0, 0, 5, 1)
	filled(r, 1, 0, 5, 1)
	for _, c := range []struct {
		next []int64
		want uint64
	}{
		{[]int64{0, 0}, 0},
		{[]int64{3, 0}, 3},
		{[]int64{5, 0}, 5},
		{[]int64{5, 4}, 9},
		{[]int64{5, 5}, 10},
		{[]int64{3, 5}, 3},
		{[]int64{9, 9}, 10},
	} {
		require.Equal(t, c.want, r.locate(c.next), fmt.Sprint(c.next))
	}
}

// Where a log became shorter, everybody who comes from before passes the gap.
func TestATruncatedLogInTheRing(t *testing.T) {
	r := testRing(1<<20, 1)
	filled(r, 0, 0, 10, 1)
	gap := partitionGap("t", 0, 10, 7, Truncated)
	r.append([]part{{partition: 0, gap: &gap, next: 7}}, time.Now())
	filled(r, 0, 7, 2, 1)
	at := r.locate([]int64{10})
	require.Equal(t, Truncated, r.look(at, 1).batches[0].gap.Reason)
	require.Equal(t, []int64{9}, r.look(0, 0).next)
}

func TestStalls(t *testing.T) {
	r := testRing(1<<20, 1)
	now := time.Now()
	say := func(after time.Duration, stable, high int64) bool {
		r.append([]part{{partition: 0, next: stable, bounds: bounds{stable: stable, high: high}}}, now.Add(after))
		return r.boundsOf()[0].stalled
	}
	require.False(t, say(0, 5, 9))
	require.False(t, say(stallAfter-1, 5, 9))
	require.True(t, say(stallAfter, 5, 12), "others may write behind it")
	require.False(t, say(stallAfter+1, 6, 12), "it has moved")
	require.True(t, say(2*stallAfter+1, 6, 12))
	require.False(t, say(2*stallAfter+2, 12, 12), "nothing waits")
	require.False(t, say(5*stallAfter, 12, 13), "it has not stood below its end until now")
}

// A batch's ids lead from record to record, and behind all that it stands for
// at its end.
func TestIDsOfABatch(t *testing.T) {
	for _, partitions := range []int{3, idsOnAll + 1} {
		r := testRing(1<<20, partitions)
		r.append([]part{
			{partition: 0, records: []rec{{offset: 0}, {offset: 1}}, next: 5},
			{partition: 2, records: []rec{{partition: 2, offset: 7}}, next: 9},
		}, time.Now())
		f := r.look(0, 1).batches[0].encoded(Form{Format: JSON})
		var got [][]int64
		for i := range f.end {
			var frame struct{ ID string }
			require.NoError(t, json.Unmarshal(f.of(i), &frame))
			if frame.ID == "" {
				got = append(got, nil)
				continue
			}
			c, err := ParseCursor(frame.ID)
			require.NoError(t, err)
			require.Equal(t, record.TopicID{1}, c[0].ID)
			got = append(got, c[0].Next[:3])
		}
		want := [][]int64{{1, 0, 0}, {2, 0, 0}, {5, 0, 9}}
		if partitions > idsOnAll {
			want = [][]int64{nil, nil, {5, 0, 9}}
		}
		require.Equal(t, want, got)
	}
}
