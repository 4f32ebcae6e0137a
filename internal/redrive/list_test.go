package redrive_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/deadletter"
	"sluice/internal/redrive"
	"sluice/record"
)

func TestTheListIsTheBacklog(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 10)
	later := block(1, 10)
	later.LastFailure, later.Class, later.Replays = failedAt.Add(time.Hour), deadletter.Decode, 2
	w.produce(letter(later, []byte{0xff}, nil, record.Header{Key: "h", Value: nil}))
	s := w.service()
	w.done(s, func(q *redrive.Request) { q.Key = []byte("key 3") })

	list, err := s.List(t.Context(), redrive.ListRequest{Group: group, Limit: 4}, anybody)
	require.NoError(t, err)
	require.Equal(t, []string{topic}, list.Topics)
	require.Equal(t, &redrive.Summary{
		Letters: 11, Backlog: 10, Complete: true, Oldest: failedAt, Newest: failedAt.Add(time.Hour),
		Histogram: redrive.Histogram{
			Classes:  []redrive.Count{{Value: "exhausted", Count: 9}, {Value: "decode", Count: 1}},
			Handlers: []redrive.Count{{Value: "invoice", Count: 10}},
			Messages: []redrive.Count{{Value: "the bank does not answer", Count: 10}},
		},
	}, list.Summary)

	// Page by page, every letter once.
	seen := map[int64]bool{}
	pages := 0
	for {
		pages++
		require.LessOrEqual(t, len(list.Letters), 4)
		for _, l := range list.Letters {
			require.False(t, seen[l.Offset])
			seen[l.Offset] = true
			require.Equal(t, dlq, l.Letter.Topic)
			require.Nil(t, l.Payload, "not without the right")
		}
		if list.Next == "" {
			break
		}
		list, err = s.List(t.Context(), redrive.ListRequest{Group: group, Limit: 4, From: list.Next}, anybody)
		require.NoError(t, err)
		require.Nil(t, list.Summary)
	}
	require.Equal(t, 3, pages)
	require.Len(t, seen, 10)
	require.False(t, seen[3], "it was redriven")

	list, err = s.List(t.Context(), redrive.ListRequest{Group: group, Payloads: true}, anybody)
	require.NoError(t, err)
	last := list.Letters[len(list.Letters)-1]
	require.Equal(t, "/w==", *last.Key)
	require.Equal(t, "base64", last.KeyEncoding)
	require.Equal(t, -1, last.ValueSize)
	require.Equal(t, &redrive.Payload{Headers: []redrive.Header{{Name: "h"}}}, last.Payload)
	require.Equal(t, "value 0", *list.Letters[0].Payload.Value)
	require.Equal(t, 2, last.Replays)
	require.Equal(t, int32(1), last.Partition)
}

// A page ends before it becomes too large, whatever its limit.
func TestAPageOfLargeLetters(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.produce(letter(block(0, int64(i)), bytes.Repeat([]byte("k"), 2000), bytes.Repeat([]byte("v"), 700_000)))
	}
	s := w.service()
	list, err := s.List(t.Context(), redrive.ListRequest{Group: group, Payloads: true}, anybody)
	require.NoError(t, err)
	require.Len(t, list.Letters, 11)
	require.Equal(t, topic+"/0/11", list.Next)
	require.EqualValues(t, 20, list.Summary.Backlog, "all are counted")
	list, err = s.List(t.Context(), redrive.ListRequest{Group: group}, anybody)
	require.NoError(t, err)
	require.Len(t, list.Letters, 20)
	require.Nil(t, list.Letters[0].Key, "a long key is a payload")
	require.Equal(t, 2000, list.Letters[0].KeySize)
}

func TestWhenTheTimeIsUpTheListSaysSo(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.produce(letter(block(0, int64(i)), nil, bytes.Repeat([]byte("v"), 700_000)))
	}
	s := w.service()
	list, err := s.List(t.Context(), redrive.ListRequest{Group: group, Within: 1}, anybody)
	require.NoError(t, err)
	require.False(t, list.Summary.Complete)
	seen := len(list.Letters)
	require.Positive(t, seen)
	for list.Next != "" {
		list, err = s.List(t.Context(), redrive.ListRequest{Group: group, Within: 1, From: list.Next}, anybody)
		require.NoError(t, err)
		seen += len(list.Letters)
	}
	require.Equal(t, 6, seen)
}

func TestWhoMayList(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 2)
	other := "payments"
	require.NoError(t, w.cluster.CreateTopic(deadletter.Topic(other, group), 1, nil))
	s := w.service()
	may := func(right access.Right, topics ...string) redrive.Caller {
		return redrive.Caller{Name: "shop", May: func(r access.Right, topic string) bool {
			return r&right == r && slices.Contains(topics, topic)
		}}
	}
	list, err := s.List(t.Context(), redrive.ListRequest{Group: group}, may(access.Read, topic))
	require.NoError(t, err)
	require.Equal(t, []string{topic}, list.Topics, "the other is not shown")
	for name, c := range map[string]struct {
		q      redrive.ListRequest
		caller redrive.Caller
	}{
		"a topic that may not be read":    {redrive.ListRequest{Group: group, Topic: other}, may(access.Read, topic)},
		"one that there is not":           {redrive.ListRequest{Group: group, Topic: "nowhere"}, may(access.Read, topic)},
		"none at all":                     {redrive.ListRequest{Group: group}, may(access.Write, topic, other)},
		"payloads without operate":        {redrive.ListRequest{Group: group, Payloads: true}, may(access.Read, topic, other)},
		"payloads of one without operate": {redrive.ListRequest{Group: group, Topic: topic, Payloads: true}, may(access.Read, topic)},
	} {
		_, err := s.List(t.Context(), c.q, c.caller)
		require.ErrorIs(t, err, redrive.ErrForbidden, name)
	}
	_, err = s.List(t.Context(), redrive.ListRequest{Group: group, Payloads: true}, may(access.Read|access.Operate, topic))
	require.NoError(t, err)
	_, err = s.List(t.Context(), redrive.ListRequest{Group: "nobody"}, anybody)
	require.ErrorIs(t, err, redrive.ErrNoLetters)
	for _, q := range []redrive.ListRequest{{Group: group, Limit: -1}, {Group: group, Limit: 1001}, {Group: group, From: "x"}, {Group: group, From: topic + "/-1/0"}} {
		_, err = s.List(t.Context(), q, anybody)
		var invalid *redrive.InvalidError
		require.ErrorAs(t, err, &invalid)
	}
}

// Times that JSON cannot say do not break the list.
func TestLettersOfAnyTime(t *testing.T) {
	w := newWorld(t)
	for i, at := range []time.Time{time.UnixMilli(-1 << 62), time.UnixMilli(1 << 62), {}} {
		l := block(0, int64(i))
		l.Timestamp = at
		w.produce(letter(l, nil, nil))
	}
	a := newServer(t, w.service(), nil)
	code, _, body := a.do("GET", "/groups/billing/dead-letters", "")
	require.Equal(t, 200, code, body)
	require.Contains(t, body, `"timestamp":"9999-12-31T23:59:59Z"`)
}
