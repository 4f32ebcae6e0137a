package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTemplates(t *testing.T) {
	tests := []struct{ text, want string }{
		{`GET /orders/4711 200 in 35.2 ms`, `GET /orders/<n> <n> in <n> ms`},
		{`took 12ms, 1,024 rows`, `took <n>ms, <n> rows`},
		{`accepted 10.0.3.7:51234 and fe80:0:0::1`, `accepted <addr> and <addr>`},
		{`job 0xdeadBEEF of 5f1d2c3b-0000-4a4b-8c8d-0123456789ab and 00ff00ff00ff`, `job <hex> of <hex> and <hex>`},
		{`plan "gift \"card\"" of 'basic'`, `plan <str> of <str>`},
		{`it doesn't, and can't`, `it doesn't, and can't`},
		{`user42 and node_7b in eth0`, `<id> and <id> in <id>`},
		{`nothing to see`, `nothing to see`},
		{``, ``},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, template(tt.text), tt.text)
	}
}

func TestBuckets(t *testing.T) {
	require.Equal(t, 0, bucketOf(0))
	require.Equal(t, 0, bucketOf(1))
	require.Equal(t, 4, bucketOf(2))
	require.Equal(t, 5, bucketOf(2.01))
	require.Equal(t, maxBucket, bucketOf(1e300))
	require.Zero(t, percentile(nil, .99))
	buckets := map[int]int{}
	for n := 1; n <= 1000; n++ {
		buckets[bucketOf(float64(n))]++
	}
	require.InEpsilon(t, 500, percentile(buckets, .5), .2)
	require.InEpsilon(t, 990, percentile(buckets, .99), .2)
	require.GreaterOrEqual(t, percentile(buckets, 1), 1000.)
}

func TestSendersDropWhatHasCome(t *testing.T) {
	take := func(seqs ...int64) (fresh []int64, s senders) {
		for _, seq := range seqs {
			if s.add(line{Source: "a", Seq: seq}) {
				fresh = append(fresh, seq)
			}
		}
		return fresh, s
	}
	fresh, s := take(1, 2, 2, 4, 3, 4, 3, 1, 5)
	require.Equal(t, []int64{1, 2, 4, 3, 5}, fresh, "one that was refused at first comes later")
	require.Equal(t, int64(5), s[0].All)
	require.Empty(t, s[0].Above)

	var gap []int64
	for n := range int64(3 * maxAbove) {
		gap = append(gap, n+2)
	}
	fresh, s = take(append(gap, 1)...)
	require.Equal(t, gap, fresh, "one that is missing for too long is not waited for")
	require.Equal(t, gap[len(gap)-1], s[0].All)

	require.True(t, s.add(line{}))
	require.True(t, s.add(line{}), "a line without a number always counts")
	for n := range maxSenders {
		require.True(t, s.add(line{Source: string(rune('b' + n)), Seq: 1}))
	}
	require.Len(t, s, maxSenders)
	require.True(t, s.add(line{Source: "a", Seq: 1}), "the oldest of too many is forgotten")
}
