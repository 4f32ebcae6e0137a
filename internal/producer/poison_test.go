package producer_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/producer"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// crowd has 64 callers write a record each to partition 0 of a topic at the
// same time, with a poison among them.
func crowd(w *producertest.World, topic, poison string, spoil func(*kgo.Record)) *told {
	var o told
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		wg.Go(func() {
			<-start
			value, change := fmt.Sprintf("good %d", i), func(r *kgo.Record) { r.Key, r.Partition = []byte("k"), 0 }
			if i == 32 {
				value = poison
				good := change
				change = func(r *kgo.Record) { good(r); spoil(r) }
			}
			_, err := producertest.WriteTo(w.Writer, topic, value, change)
			o.add(value, err)
		})
	}
	close(start)
	wg.Wait()
	return &o
}

// One caller's record never fails another's.
func TestPoisonFailsAlone(t *testing.T) {
	w := producertest.New(t, func(c *producer.Config) { c.Limits.Record = 10 * units.MiB })
	require.NoError(t, w.Cluster.CreateTopic("compacted", 1, map[string]string{"cleanup.policy": "compact"}))
	require.NoError(t, w.Cluster.CreateTopic("small", 1, map[string]string{"max.message.bytes": "20000"}))
	w.Know("compacted", "small", topic)
	for name, c := range map[string]struct {
		topic, poison string
		spoil         func(*kgo.Record)
		reason        producer.Reason
	}{
		"too large":                      {"small", strings.Repeat("x", 20_000), func(*kgo.Record) {}, producer.TooLarge},
		"without key on a compacted one": {"compacted", "no key", func(r *kgo.Record) { r.Key = nil }, producer.Invalid},
		"a time two days ahead":          {topic, "tomorrow", func(r *kgo.Record) { r.Timestamp = time.Now().Add(48 * time.Hour) }, producer.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			o := crowd(w, c.topic, c.poison, c.spoil)
			require.Equal(t, 63, o.count(producer.Written))
			require.Equal(t, producer.NotWritten, o.all[c.poison])
			require.Equal(t, c.reason, o.err[c.poison].Reason)
			o.check(t, w.Values(c.topic))
		})
	}
}

// refuseBatches makes the cluster refuse every batch that holds a text, as it
// would one that is poisoned in a way that we do not know of.
func refuseBatches(w *producertest.World, text string, code *kerr.Error) {
	w.Cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.Cluster.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				if bytes.Contains(p.Records, []byte(text)) {
					return refuseAll(req, code), nil, true
				}
			}
		}
		return nil, nil, false
	})
}

func refuseAll(req *kmsg.ProduceRequest, code *kerr.Error) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, code.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

// Where Kafka refuses a batch for a record that we let through, its neighbours
// are sent once more, alone and in their order, and only the guilty one fails.
func TestPoisonThatWeDoNotKnowOfFailsAlone(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp} {
		t.Run(code.Message, func(t *testing.T) {
			w := producertest.New(t, nil)
			refuseBatches(w, "poison", code)
			for range 5 {
				o := crowd(w, topic, "poison", func(*kgo.Record) {})
				require.Equal(t, 63, o.count(producer.Written))
				require.Equal(t, producer.NotWritten, o.all["poison"])
				require.Zero(t, w.Values(topic)["poison"])
			}
			require.Equal(t, 5, w.Values(topic)["good 1"])
		})
	}
}

// A batch of one request keeps its order through a poison in its middle, also
// where Kafka answers before the client has all of it.
func TestABatchKeepsItsOrderAroundAPoison(t *testing.T) {
	w := producertest.New(t, nil)
	w.Know(topic)
	refuseBatches(w, "poison", kerr.InvalidRecord)
	last := int64(-1)
	for range 50 {
		b, refusal := w.Writer.Admit(nil, 1000)
		require.Nil(t, refusal)
		b.Topic = topic
		for i := range 100 {
			r := b.Add()
			r.Partition, r.Value = 1, fmt.Appendf(nil, "%02d", i)
			if i == 50 {
				r.Value = []byte("poison")
			}
		}
		b.Fail(70, producer.Refusal(producer.Invalid, "known to be bad"))
		require.Nil(t, w.Writer.Write(t.Context(), b, time.Minute))
		for i := range 100 {
			place, err := b.Result(i)
			switch i {
			case 50:
				require.Equal(t, producer.Refused, err.Reason)
			case 70:
				require.Equal(t, "known to be bad", err.Detail)
			default:
				require.Nil(t, err)
				require.EqualValues(t, 1, place.Partition)
				require.Equal(t, last+1, place.Offset)
				last = place.Offset
			}
		}
		b.Release()
	}
}
