package producer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/producer"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const topic = producertest.Topic

// told collects what requests were told of their records.
type told struct {
	mu  sync.Mutex
	all map[string]producer.Outcome
	err map[string]*producer.Error
}

func (o *told) add(value string, err *producer.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all, o.err = map[string]producer.Outcome{}, map[string]*producer.Error{}
	}
	o.all[value] = producer.Written
	if err != nil {
		o.all[value], o.err[value] = err.Outcome, err
	}
}

func (o *told) count(want producer.Outcome) (n int) {
	for _, outcome := range o.all {
		if outcome == want {
			n++
		}
	}
	return n
}

// check holds what was told against what is in Kafka.
func (o *told) check(t *testing.T, found map[string]int) {
	t.Helper()
	for value, outcome := range o.all {
		switch outcome {
		case producer.Written:
			require.Equal(t, 1, found[value], "%s was reported as written", value)
		case producer.NotWritten:
			require.Zero(t, found[value], "%s was reported as not written", value)
		case producer.Unknown:
			require.LessOrEqual(t, found[value], 1, value)
		}
	}
}

func TestWrittenIsInKafkaWithItsCoordinates(t *testing.T) {
	w := producertest.New(t, nil)
	at := time.UnixMilli(1_700_000_000_123)
	r, err := w.Write("hello", func(r *kgo.Record) { r.Partition, r.Timestamp = 2, at })
	require.Nil(t, err)
	require.EqualValues(t, 2, r.Partition)
	require.EqualValues(t, 0, r.Offset)
	require.True(t, at.Equal(r.Timestamp))
	require.Equal(t, map[string]int{"hello": 1}, w.Values(topic))
}

func TestConcurrentRecordsAreAllWritten(t *testing.T) {
	w := producertest.New(t, nil)
	var o told
	var wg sync.WaitGroup
	for caller := range 64 {
		wg.Go(func() {
			for i := range 50 {
				value := fmt.Sprintf("%d-%d", caller, i)
				_, err := w.Write(value, nil)
				o.add(value, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 64*50, o.count(producer.Written))
	found := w.Values(topic)
	require.Len(t, found, 64*50)
	o.check(t, found)
}

// While Kafka is silent, only the flight that is with the client is unknown.
// What waits behind it is withdrawn, and never written.
func TestSilentKafka(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Timeout = time.Second })
	held, release := w.HoldProduce()
	var o told
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := w.Write("in the air", nil)
		o.add("in the air", err)
	})
	<-held
	for i := range 50 {
		wg.Go(func() {
			value := fmt.Sprintf("queued %d", i)
			_, err := w.Write(value, nil)
			o.add(value, err)
		})
	}
	wg.Wait()
	require.Equal(t, producer.Unknown, o.all["in the air"])
	require.Equal(t, 50, o.count(producer.NotWritten))

	release()
	// The record that was given up ends behind the answer; then the next one
	// is written as if nothing had been.
	w.Await(func() bool { _, err := w.Write("after", nil); return err == nil })
	found := w.Values(topic)
	require.Equal(t, 1, found["in the air"])
	o.check(t, found)
}

// A flight that does not land for two seconds makes the topic refuse, instead
// of letting requests wait for their deadline.
func TestStuckTopicRefusesAtOnce(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Timeout = time.Minute })
	held, release := w.HoldProduce()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := w.Write("first", nil)
		require.Nil(t, err, "its deadline is far, and Kafka comes back")
	})
	<-held
	wg.Go(func() {
		_, err := w.Write("waiting", nil)
		require.NotNil(t, err)
		require.Equal(t, producer.NotWritten, err.Outcome)
		require.Equal(t, producer.Away, err.Reason)
	})
	w.Await(func() bool { return w.Writer.Ready() != nil })
	_, err := w.Write("refused", nil)
	require.NotNil(t, err)
	require.Equal(t, producer.NotWritten, err.Outcome)
	require.ErrorContains(t, w.Writer.Ready(), "has not acknowledged")
	release()
	wg.Wait()
	w.Await(func() bool { return w.Writer.Ready() == nil })
	_, err = w.Write("after", nil)
	require.Nil(t, err)
	require.Equal(t, map[string]int{"first": 1, "after": 1}, w.Values(topic))
}

func TestCutTellsEverybody(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Timeout = time.Minute })
	held, release := w.HoldProduce()
	var o told
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			value := fmt.Sprint(i)
			_, err := w.Write(value, nil)
			o.add(value, err)
		})
	}
	<-held
	w.Writer.Cut()
	wg.Wait()
	require.Equal(t, 1, o.count(producer.Unknown))
	require.Equal(t, 9, o.count(producer.NotWritten))
	release()
	w.Await(func() bool { return len(w.Values(topic)) == 1 })
	o.check(t, w.Values(topic))
}

// What a broker refuses for good is "no", and says why.
func TestRefusedForGood(t *testing.T) {
	for _, c := range []struct {
		code   *kerr.Error
		reason producer.Reason
	}{
		{kerr.MessageTooLarge, producer.TooLarge},
		{kerr.InvalidRecord, producer.Refused},
		{kerr.InvalidTimestamp, producer.Refused},
		{kerr.TopicAuthorizationFailed, producer.Forbidden},
		{kerr.ClusterAuthorizationFailed, producer.Forbidden},
		{kerr.PolicyViolation, producer.Refused},
	} {
		t.Run(c.code.Message, func(t *testing.T) {
			w := producertest.New(t, nil)
			w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: c.code})
			_, err := w.Write("poison", nil)
			require.NotNil(t, err)
			require.Equal(t, producer.NotWritten, err.Outcome)
			require.Equal(t, c.reason, err.Reason)
			require.ErrorIs(t, err, c.code)
			_, err = w.Write("after", nil)
			require.Nil(t, err)
			require.Equal(t, map[string]int{"after": 1}, w.Values(topic))
		})
	}
}

// A first attempt that was appended, and whose answer did not say so, makes
// every later refusal a possible lie: the outcome is unknown.
func TestRefusalAfterAnAppendIsUnknown(t *testing.T) {
	t.Run("the first answer says that the append may not last", func(t *testing.T) {
		w := producertest.New(t, nil)
		w.Cluster.Fault(
			kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend},
			kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge},
		)
		_, err := w.Write("twice tried", nil)
		require.NotNil(t, err)
		require.Equal(t, producer.Unknown, err.Outcome)
		require.Equal(t, 1, w.Values(topic)["twice tried"])
	})
	t.Run("the first answer was lost with its connection", func(t *testing.T) {
		var c producertest.Cutter
		w := producertest.New(t, nil, kfake.ListenFn(c.Listen))
		// The answer that says "written after all" is replaced, so only the
		// lost connection can tell that there was a first attempt.
		appended := w.Cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend,
			When: func(kmsg.Request) bool { c.Cut(); return true },
		}, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed})
		_, err := w.Write("cut off", nil)
		require.NotNil(t, err)
		require.Equal(t, 2, appended.Hits())
		require.Equal(t, producer.Unknown, err.Outcome)
		w.Await(func() bool { return w.Values(topic)["cut off"] == 1 })
	})
}

func TestRecordsThatTheTopicDoesNotTake(t *testing.T) {
	w := producertest.New(t, nil)
	require.NoError(t, w.Cluster.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"}))
	require.NoError(t, w.Cluster.CreateTopic("compacted", 1, map[string]string{"cleanup.policy": "compact"}))
	w.Know("compacted")
	for _, c := range []struct {
		name, topic string
		change      func(*kgo.Record)
		reason      producer.Reason
	}{
		{"unknown topic", "nowhere", nil, producer.NoTopic},
		{"unknown partition", topic, func(r *kgo.Record) { r.Partition = 4 }, producer.NoPartition},
		{"over our limit", topic, func(r *kgo.Record) { r.Value = make([]byte, 1<<20) }, producer.TooLarge},
		{"over the topic's limit", "small", func(r *kgo.Record) { r.Value = make([]byte, 2000) }, producer.TooLarge},
		{"headers over the topic's limit", "small", func(r *kgo.Record) {
			r.Headers = []kgo.RecordHeader{{Key: strings.Repeat("k", 2000)}}
		}, producer.TooLarge},
		{"without key on a compacted topic", "compacted", nil, producer.Invalid},
		{"two days ahead", topic, func(r *kgo.Record) { r.Timestamp = time.Now().Add(48 * time.Hour) }, producer.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err *producer.Error
			// A slow machine may not have told in time whether there is such a topic.
			w.Await(func() bool {
				_, err = producertest.WriteTo(w.Writer, c.topic, "bad", c.change)
				return err == nil || err.Reason != producer.Away
			})
			require.NotNil(t, err)
			require.Equal(t, c.reason, err.Reason)
			require.Equal(t, producer.NotWritten, err.Outcome)
		})
	}
	_, err := producertest.WriteTo(w.Writer, "compacted", "with key", func(r *kgo.Record) { r.Key = []byte{} })
	require.Nil(t, err, "the empty key is a key")
	require.Empty(t, w.Values(topic))
}

func TestTopicsAreCreatedWhereAllowed(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.CreateTopics = true })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := producertest.WriteTo(w.Writer, "fresh", fmt.Sprint(i), nil)
			require.Nil(t, err)
		})
	}
	wg.Wait()
	require.Len(t, w.Values("fresh"), 20)
	require.Len(t, w.Cluster.PartitionInfos("fresh"), 4)
}

// The largest value that is let in is one that Kafka takes.
func TestLargestRecord(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Limits.Record = 10 << 20 })
	require.NoError(t, w.Cluster.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"}))
	w.Know("small")
	largest := 0
	for size := 1800; size < 2000; size++ {
		_, err := producertest.WriteTo(w.Writer, "small", strings.Repeat("x", size), nil)
		if err == nil {
			largest = size
			continue
		}
		require.Equal(t, producer.TooLarge, err.Reason)
		require.NoError(t, err.Cause, "refused by us, not by Kafka")
	}
	require.Greater(t, largest, 1850)
}
