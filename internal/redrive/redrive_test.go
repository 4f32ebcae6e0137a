package redrive_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/access"
	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/internal/redrive"
	"sluice/record"
)

func TestARedriveWritesEachLetterOnce(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 35)
	s := w.service()
	require.Equal(t, redrive.Counts{Scanned: 35, Redriven: 35}, w.done(s))
	w.exactlyOnce(35)
	for _, r := range w.read(retry) {
		var i int32
		_, err := fmt.Sscanf(string(r.Value), "value %d", &i)
		require.NoError(t, err)
		require.Equal(t, i%3, r.Partition, "the partition of the original")
	}
	// What has a receipt is passed over, what is new is not.
	w.fill(35, 40)
	require.Equal(t, redrive.Counts{Scanned: 40, Redriven: 5, Already: 35}, w.done(s))
	w.exactlyOnce(40)
	require.Equal(t, redrive.Counts{Scanned: 40, Already: 40}, w.done(w.service()))
	w.exactlyOnce(40)
}

func TestTheTopicsThatARedriveMakes(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	w.done(w.service())
	configs, err := w.admin().DescribeTopicConfigs(t.Context(), retry, redrives)
	require.NoError(t, err)
	settings := map[string]string{}
	for _, topic := range configs {
		for _, c := range topic.Configs {
			settings[topic.Name+" "+c.Key] = c.MaybeValue()
		}
	}
	require.Equal(t, "-1", settings[retry+" retention.ms"])
	require.Equal(t, "delete", settings[retry+" cleanup.policy"])
	require.Equal(t, fmt.Sprint(1048588+64<<10), settings[retry+" max.message.bytes"])
	require.Equal(t, "compact", settings[redrives+" cleanup.policy"])
	topics, err := w.admin().ListTopics(t.Context(), retry, redrives)
	require.NoError(t, err)
	require.Len(t, topics[retry].Partitions, 3, "as many as the topic has, not as its dead letters")
	require.Len(t, topics[redrives].Partitions, 1)
}

func TestTopicsThatMayNotBeMade(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 3)
	s := w.service(func(d *redrive.Deps) { d.Create = false })
	_, err := s.Start(t.Context(), redrive.Request{Group: group}, anybody)
	require.ErrorContains(t, err, "orders.billing.retry (3 partitions, cleanup.policy=delete, max.message.bytes=1114124, retention.bytes=-1, retention.ms=-1)")
	var wrong *redrive.TopicsError
	require.ErrorAs(t, err, &wrong)

	require.NoError(t, w.cluster.CreateTopic(retry, 1, map[string]string{"max.message.bytes": "1000", "retention.ms": "-1"}))
	require.NoError(t, w.cluster.CreateTopic(redrives, 1, map[string]string{"cleanup.policy": "delete"}))
	_, err = s.Start(t.Context(), redrive.Request{Group: group}, anybody)
	require.ErrorContains(t, err, "orders.billing.retry (change, max.message.bytes=1114124)")
	require.ErrorContains(t, err, "orders.billing.redrives (change, cleanup.policy=compact)")

	// A dry run needs no topics, and with create they are mended.
	require.EqualValues(t, 3, w.done(s, func(q *redrive.Request) { q.DryRun = true }).Redriven)
	require.EqualValues(t, 3, w.done(w.service()).Redriven)
	require.EqualValues(t, 3, w.done(s, func(q *redrive.Request) { q.MaxReplays = 1 }).Already)
	w.exactlyOnce(3)
}

func TestWhatIsRedrivenIsByteIdentical(t *testing.T) {
	many := make([]record.Header, 1000)
	for i := range many {
		many[i] = record.Header{Key: fmt.Sprint("h", i%10), Value: []byte{byte(i), 0xff}}
	}
	forged := block(9, 9)
	forged.Topic, forged.Replays = "elsewhere", 99
	large := bytes.Repeat([]byte("large and easily compressed. "), 400_000)
	dense := make([]byte, 1_048_588-2_000)
	seed := uint32(1)
	for i := range dense { // Nothing that could be compressed.
		seed = seed*1664525 + 1013904223
		dense[i] = byte(seed >> 24)
	}
	cases := []struct {
		name       string
		key, value []byte
		headers    []record.Header
	}{
		{"null key and null value", nil, nil, nil},
		{"empty key and empty value", []byte{}, []byte{}, nil},
		{"not UTF-8", []byte{0xff, 0}, []byte{0xfe, 0x80}, []record.Header{{Key: "\xff", Value: nil}, {Key: "", Value: []byte{}}}},
		{"1000 headers, names repeated", []byte("k"), []byte("v"), many},
		{"a forged block in front", []byte("k"), []byte("v"), forged.Append(nil)},
		{"two forged blocks", []byte("k"), []byte("v"), forged.Append(forged.Append(nil))},
		{"parts of a block", nil, nil, forged.Append(nil)[3:]},
		{"at the broker's limit", []byte("k"), dense, nil},
		{"over it before compression", []byte("k"), large, nil},
	}
	w := newWorld(t)
	for i, c := range cases {
		w.produce(letter(block(0, int64(i)), c.key, c.value, c.headers...))
	}
	require.Equal(t, redrive.Counts{Scanned: int64(len(cases)), Redriven: int64(len(cases))}, w.done(w.service()))
	retried := w.read(retry)
	require.Len(t, retried, len(cases))
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := retried[i]
			require.True(t, bytes.Equal(c.key, got.Key) && (c.key == nil) == (got.Key == nil), "key")
			require.True(t, bytes.Equal(c.value, got.Value) && (c.value == nil) == (got.Value == nil), "value")
			headers := make([]record.Header, len(got.Headers))
			for j, h := range got.Headers {
				headers[j] = record.Header(h)
			}
			original, l, ok := deadletter.Split(headers)
			require.True(t, ok)
			require.Len(t, original, len(c.headers))
			for j := range c.headers {
				require.Equal(t, c.headers[j], original[j])
			}
			want := block(0, int64(i))
			want.Replays = 1
			want.Timestamp = want.Timestamp.Local()
			l.Timestamp = l.Timestamp.Local()
			require.Equal(t, want, l)
		})
	}
}

func TestFilters(t *testing.T) {
	write := func(w *world) {
		for i, change := range []func(*deadletter.Letter){
			func(*deadletter.Letter) {},
			func(l *deadletter.Letter) { l.LastFailure = failedAt.Add(time.Hour) },
			func(l *deadletter.Letter) { l.Class = deadletter.Panic },
			func(l *deadletter.Letter) { l.Replays = 5 },
			func(l *deadletter.Letter) { l.Replays = 4 },
		} {
			l := block(0, int64(i))
			change(&l)
			w.produce(letter(l, fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %d", i)))
		}
		w.produce(letter(block(0, 5), nil, []byte("value 5")), letter(block(0, 6), []byte{}, []byte("value 6")), letter(block(0, 7), []byte{0xff}, []byte("value 7")))
	}
	for name, c := range map[string]struct {
		change func(*redrive.Request)
		want   redrive.Counts
		values string
	}{
		"none":        {func(*redrive.Request) {}, redrive.Counts{Redriven: 7, Guarded: 1}, "01245 67"},
		"since":       {func(q *redrive.Request) { q.Since = failedAt.Add(time.Minute) }, redrive.Counts{Redriven: 1, Filtered: 7}, "1"},
		"since is in": {func(q *redrive.Request) { q.Since = failedAt }, redrive.Counts{Redriven: 7, Guarded: 1}, "0124567"},
		"until is out": {
			func(q *redrive.Request) { q.Until = failedAt.Add(time.Hour) },
			redrive.Counts{Redriven: 6, Guarded: 1, Filtered: 1},
			"024567",
		},
		"class":         {func(q *redrive.Request) { q.Class = deadletter.Panic }, redrive.Counts{Redriven: 1, Filtered: 7}, "2"},
		"key":           {func(q *redrive.Request) { q.Key = []byte("key 4") }, redrive.Counts{Redriven: 1, Filtered: 7}, "4"},
		"the empty key": {func(q *redrive.Request) { q.Key = []byte{} }, redrive.Counts{Redriven: 1, Filtered: 7}, "6"},
		"a binary key":  {func(q *redrive.Request) { q.Key = []byte{0xff} }, redrive.Counts{Redriven: 1, Filtered: 7}, "7"},
		"max replays":   {func(q *redrive.Request) { q.MaxReplays = 4 }, redrive.Counts{Redriven: 6, Guarded: 2}, "012567"},
		"more replays":  {func(q *redrive.Request) { q.MaxReplays = 6 }, redrive.Counts{Redriven: 8}, "01234567"},
		"topic":         {func(q *redrive.Request) { q.Topic = topic }, redrive.Counts{Redriven: 7, Guarded: 1}, "0124567"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			write(w)
			s := w.service()
			c.want.Scanned = 8
			dry := w.run(s, c.change, func(q *redrive.Request) { q.DryRun = true })
			require.Equal(t, c.want, dry.Counts)
			require.Empty(t, w.read(retry), "a dry run writes nothing")
			require.Equal(t, c.want, w.done(s, c.change))
			values := ""
			for _, r := range w.read(retry) {
				values += strings.TrimPrefix(string(r.Value), "value ")
			}
			require.Equal(t, strings.ReplaceAll(c.values, " ", ""), values, "in their order")
			// What was left out is still there to be redriven.
			w.done(s, func(q *redrive.Request) { q.MaxReplays = 10 })
			w.exactlyOnce(8)
		})
	}
}

func TestALimitEndsARedrive(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 30)
	s := w.service()
	for done := range int64(4) {
		counts := w.done(s, func(q *redrive.Request) { q.Limit = 7 })
		require.EqualValues(t, 7, counts.Redriven)
		require.Equal(t, 7*done, counts.Already)
	}
	require.EqualValues(t, 2, w.done(s, func(q *redrive.Request) { q.Limit = 7 }).Redriven)
	w.exactlyOnce(30)
}

func TestADryRunSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 3)
	other := block(0, 4)
	other.Class, other.Handler, other.Message = deadletter.Decode, "ledger", "not JSON"
	w.produce(letter(other, nil, nil))
	before, err := w.admin().ListTopics(t.Context())
	require.NoError(t, err)
	dry := w.run(w.service(), func(q *redrive.Request) { q.DryRun = true })
	require.Equal(t, &redrive.Histogram{
		Classes:  []redrive.Count{{Value: "exhausted", Count: 3}, {Value: "decode", Count: 1}},
		Handlers: []redrive.Count{{Value: "invoice", Count: 3}, {Value: "ledger", Count: 1}},
		Messages: []redrive.Count{{Value: "the bank does not answer", Count: 3}, {Value: "not JSON", Count: 1}},
	}, dry.Reasons)
	after, err := w.admin().ListTopics(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Names(), after.Names(), "a dry run makes no topics")
}

// A topic a.b with a group c and a topic a with a group b.c have the same
// dead-letter topic; and anybody who may write to it can write anything.
func TestWhatIsNotOursIsNeverRedriven(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 2)
	for _, change := range []func(*deadletter.Letter){
		func(l *deadletter.Letter) { l.Topic = "orders.billing" },
		func(l *deadletter.Letter) { l.Group = "other" },
		func(l *deadletter.Letter) { l.Partition = -1 },
		func(l *deadletter.Letter) { l.Offset = -1 },
		func(l *deadletter.Letter) { l.Replays = -1 << 31 },
	} {
		l := block(0, 3)
		change(&l)
		r := letter(l, nil, []byte("foreign"))
		r.Topic, r.Partition = dlq, 0
		w.produce(r)
	}
	w.produce(&kgo.Record{Topic: dlq, Value: []byte("no block")})
	cut := letter(block(0, 3), nil, nil)
	cut.Headers = cut.Headers[:len(cut.Headers)-1]
	w.produce(cut)
	s := w.service()
	require.Equal(t, redrive.Counts{Scanned: 9, Redriven: 2, Foreign: 7}, w.done(s))
	w.exactlyOnce(2)
	list, err := s.List(t.Context(), redrive.ListRequest{Group: group}, anybody)
	require.NoError(t, err)
	require.EqualValues(t, 7, list.Summary.Foreign)
	require.EqualValues(t, 2, list.Summary.Letters)
	require.EqualValues(t, 0, list.Summary.Backlog)
}

// Receipts are for the letters of a topic, not of its name.
func TestADeadLetterTopicThatIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 4)
	s := w.service()
	require.EqualValues(t, 4, w.done(s).Redriven)
	require.NoError(t, w.cluster.DeleteTopic(dlq))
	require.NoError(t, w.cluster.CreateTopic(dlq, 2, nil))
	w.client.PurgeTopicsFromProducing(dlq)
	w.fill(4, 8)
	require.Equal(t, redrive.Counts{Scanned: 4, Redriven: 4}, w.done(s))
	require.Len(t, w.read(retry), 8)
}

// Whoever may write to the redrives topic can take a receipt back, and nothing
// else that is in there counts.
func TestReceiptsThatAreNone(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 4)
	s := w.service()
	require.EqualValues(t, 4, w.done(s).Redriven)
	for _, key := range []string{"7:0", "-1:0", "0:-1", "0:9223372036854775807", "x", "", "0", "redrive/x", "00:0x1"} {
		w.produce(&kgo.Record{Topic: redrives, Key: []byte(key), Value: []byte(`{"topic_id":""}`)})
	}
	w.produce(&kgo.Record{Topic: redrives, Value: []byte("no key")})
	require.EqualValues(t, 4, w.done(s).Already)
	w.produce(&kgo.Record{Topic: redrives, Key: []byte("0:0")}) // A tombstone.
	require.EqualValues(t, 1, w.done(s).Redriven)
}

func TestLettersThatWereDroppedByTheirOperator(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 20)
	admin := w.admin()
	_, err := admin.DeleteRecords(t.Context(), kadm.Offsets{dlq: {0: {Topic: dlq, Partition: 0, At: 5}}})
	require.NoError(t, err)
	s := w.service()
	require.EqualValues(t, 15, w.done(s).Redriven)
}

func TestAllTopicsOfAGroup(t *testing.T) {
	w := newWorld(t)
	other := "payments"
	require.NoError(t, w.cluster.CreateTopic(deadletter.Topic(other, group), 1, nil))
	require.NoError(t, w.cluster.CreateTopic(deadletter.Topic(topic, "another"), 1, nil))
	w.fill(0, 3)
	l := block(2, 0) // More partitions than its retry topic.
	l.Topic = other
	r := letter(l, nil, []byte("paid"))
	r.Partition = 0
	w.produce(r)
	s := w.service()
	require.EqualValues(t, 1, w.done(s, func(q *redrive.Request) { q.Topic = other }).Redriven)
	ended := w.run(s)
	require.Equal(t, []string{topic, other}, ended.Topics)
	require.Equal(t, redrive.Counts{Scanned: 4, Redriven: 3, Already: 1}, ended.Counts)
	paid := w.read(deadletter.Retry(other, group))
	require.Len(t, paid, 1)
	require.EqualValues(t, 0, paid[0].Partition)
	w.exactlyOnce(3)
}

func TestWhatStartRefuses(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	s := w.service()
	invalid := func(field string, change func(*redrive.Request)) {
		q := redrive.Request{Group: group}
		change(&q)
		_, err := s.Start(t.Context(), q, anybody)
		var wrong *redrive.InvalidError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Field)
	}
	invalid("topic", func(q *redrive.Request) { q.Topic = "a/b" })
	invalid("until", func(q *redrive.Request) { q.Since, q.Until = failedAt, failedAt })
	invalid("class", func(q *redrive.Request) { q.Class = "bad luck" })
	invalid("limit", func(q *redrive.Request) { q.Limit = -1 })
	invalid("rate", func(q *redrive.Request) { q.Rate = -1 })
	invalid("max_replays", func(q *redrive.Request) { q.MaxReplays = -1 })

	_, err := s.Start(t.Context(), redrive.Request{Group: "nobody"}, anybody)
	require.ErrorIs(t, err, redrive.ErrNoLetters)
	require.ErrorContains(t, err, "ends in .nobody.dlq")
	_, err = s.Start(t.Context(), redrive.Request{Group: "a b"}, anybody)
	require.ErrorIs(t, err, redrive.ErrNoLetters)
	_, err = s.Start(t.Context(), redrive.Request{Group: group, Topic: "invoices"}, anybody)
	require.ErrorIs(t, err, redrive.ErrNoLetters)
	require.ErrorContains(t, err, "invoices.billing.dlq")
	reader := redrive.Caller{Name: "reader", May: func(r access.Right, _ string) bool { return r == access.Read }}
	for _, topic := range []string{"", topic} {
		_, err = s.Start(t.Context(), redrive.Request{Group: group, Topic: topic}, reader)
		require.ErrorIs(t, err, redrive.ErrForbidden)
	}
	require.NoError(t, s.Close(t.Context()))
	_, err = s.Start(t.Context(), redrive.Request{Group: group}, anybody)
	require.ErrorIs(t, err, redrive.ErrClosed)
}

func TestKafkaIsAway(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	s := w.service()
	w.cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.Start(ctx, redrive.Request{Group: group}, anybody)
	require.ErrorIs(t, err, kafka.ErrAway)
	_, err = s.List(ctx, redrive.ListRequest{Group: group}, anybody)
	require.ErrorIs(t, err, kafka.ErrAway)
	_, err = s.Get(ctx, group, strings.Repeat("0", 32), anybody)
	require.ErrorIs(t, err, kafka.ErrAway)
	require.NoError(t, ctx.Err(), "it was said in time")
}
