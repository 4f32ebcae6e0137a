package consumer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/record"
)

var retryTopic = deadletter.Retry(topic, group)

// redrive writes a dead letter to where the group handles it again, after its
// block was changed.
func (w *world) redrive(r *kgo.Record, change ...func(*deadletter.Letter)) {
	w.t.Helper()
	original, l := w.letter(r)
	l.Replays++
	for _, f := range change {
		f(&l)
	}
	again := &kgo.Record{Topic: retryTopic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	for _, h := range l.Append(original) {
		again.Headers = append(again.Headers, kgo.RecordHeader(h))
	}
	require.NoError(w.t, w.client.ProduceSync(w.t.Context(), again).FirstErr())
}

// collector is a handler that keeps what it gets.
type collector struct {
	mu  sync.Mutex
	got []record.Record
	say error
}

func (c *collector) Handle(_ context.Context, r *record.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, *r)
	return c.say
}

func (c *collector) answer(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say = err
}

func (c *collector) all() []record.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]record.Record(nil), c.got...)
}

func TestARedrivenRecordIsHandledAsItWasAtFirst(t *testing.T) {
	for _, start := range []consumer.Start{consumer.StartEarliest, consumer.StartLatest} {
		t.Run(string(start), func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world) {
				w.mayBury()
				c := &collector{say: consumer.Permanent(errRefused)}
				cfg := defaultConfig()
				cfg.Start = start
				m := w.joinWith(cfg, c)
				w.eventually("joined", func() bool { return w.committed(2) == 0 })
				w.raw(&kgo.Record{Partition: 2, Value: []byte("warm up")}, &kgo.Record{
					Partition: 2, Key: []byte("\xffk"), Value: []byte("v"), Timestamp: time.UnixMilli(-5000),
					Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h"}, {Key: "x-dlq-replay-count", Value: []byte("77")}},
				})
				w.eventually("given up", func() bool { return m.metric("records_dead_total") == 2 })
				first := c.all()[1]
				require.Len(t, first.Headers, 3)
				letter := w.read(dlq)[1]

				// The topic is made with the first redrive, and found within ten seconds.
				w.pass(minute)
				require.NoError(t, w.cluster.CreateTopic(retryTopic, 3, nil))
				asked := time.Now()
				w.redrive(letter)
				w.eventually("given up again", func() bool { return m.metric("records_dead_total") == 3 })
				require.Less(t, time.Since(asked), 15*time.Second)
				again := c.all()[2]
				require.True(t, first.Timestamp.Equal(again.Timestamp))
				again.Timestamp = first.Timestamp
				require.Equal(t, first, again)

				letters := w.read(dlq)
				require.Len(t, letters, 3)
				original, l := w.letter(letters[2])
				require.Equal(t, first.Headers, original, "there is only one block")
				require.Equal(t, 1, l.Replays)
				require.Equal(t, topic, l.Topic)
				require.Equal(t, int32(2), l.Partition)
				require.Equal(t, int64(1), l.Offset)
				require.Equal(t, 1, l.Attempts)
				require.Equal(t, first.TopicID, l.TopicID)
				require.Equal(t, letter.Value, letters[2].Value)
				require.Equal(t, letter.Key, letters[2].Key)
				require.Equal(t, letter.Partition, letters[2].Partition)

				c.answer(nil)
				w.redrive(letters[2])
				w.eventually("handled", func() bool { return m.metric("records_ok_total") == 1 })
				w.eventually("committed", func() bool { return w.cluster.GroupInfo(group).Commits[retryTopic][2].Offset == 2 })
				m.addsUp()
			})
		})
	}
}

func TestWhatSomebodyElseHasWrittenToTheRetries(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		require.NoError(t, w.cluster.CreateTopic(retryTopic, 1, nil))
		c := &collector{say: consumer.Permanent(errRefused)}
		m := w.joinWith(defaultConfig(), c)
		w.produce(0, "a")
		w.eventually("given up", func() bool { return m.metric("records_dead_total") == 1 })
		letter := w.read(dlq)[0]
		c.answer(nil)

		w.redrive(letter, func(l *deadletter.Letter) { l.Group = "other" })
		w.redrive(letter, func(l *deadletter.Letter) { l.Topic = "other" })
		w.eventually("passed over", func() bool { return w.cluster.GroupInfo(group).Commits[retryTopic][0].Offset == 2 })
		require.Len(t, c.all(), 1)
		require.Contains(t, w.log.String(), `msg="Error in consumer loop: a redriven dead letter of another group is passed over"`)
		require.Contains(t, w.log.String(), "group_of_it=other")
		require.Equal(t, 1.0, m.metric("records_in_total"), "it is none of ours")

		// One that has no block, or one that makes no sense, is a record like any.
		broken := &kgo.Record{Topic: retryTopic, Value: []byte("broken")}
		for _, h := range (deadletter.Letter{Topic: topic, Group: group}).Append(nil) {
			if h.Key == "__dlq.errors.offset" {
				h.Value = []byte("1e3")
			}
			broken.Headers = append(broken.Headers, kgo.RecordHeader(h))
		}
		c.answer(consumer.Permanent(errRefused))
		w.writeTo(retryTopic, "by hand")
		require.NoError(t, w.client.ProduceSync(t.Context(), broken).FirstErr())
		w.eventually("given up", func() bool { return m.metric("records_dead_total") == 3 })
		all := c.all()
		require.Equal(t, "by hand", string(all[1].Value))
		require.Equal(t, retryTopic, all[1].Topic, "it is what it is")
		require.Equal(t, int64(2), all[1].Offset)
		require.Len(t, all[2].Headers, len(broken.Headers))

		// Its dead letter is with the others, and can be redriven.
		letters := w.read(dlq)
		require.Len(t, letters, 3)
		_, l := w.letter(letters[1])
		require.Equal(t, topic, l.Topic)
		require.Equal(t, record.TopicID(w.cluster.TopicInfo(retryTopic).TopicID), l.TopicID, "so that nobody takes it for another record")
		c.answer(nil)
		w.redrive(letters[1])
		w.eventually("handled", func() bool { return m.metric("records_ok_total") == 1 })
		m.addsUp()
	})
}

func TestAGroupThatStopsReadsNoRetries(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		require.NoError(t, w.cluster.CreateTopic(retryTopic, 1, nil))
		m := w.join(nil, stops)
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		w.pass(minute)
		require.Equal(t, 1.0, m.metric("partitions"))
	})
}
