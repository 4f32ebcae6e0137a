package consumer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/record"
)

var dlq = deadletter.Topic(topic, group)

// dead is a handler that gives up every record.
func dead(context.Context, *record.Record) error { return consumer.Permanent(errRefused) }

// mayBury lets the test have dead letters.
func (w *world) mayBury() { w.letters = map[place]time.Time{} }

func TestADeadLetterSaysWhatHappened(t *testing.T) {
	tests := []struct {
		class    deadletter.Class
		handle   consumer.HandlerFunc
		attempts int
		message  string
	}{
		{deadletter.Permanent, func(context.Context, *record.Record) error {
			return fmt.Errorf("charge: %w", consumer.Permanent(errors.New("no such account")))
		}, 1, "charge: no such account"},
		{deadletter.Decode, func(context.Context, *record.Record) error {
			return consumer.Undecodable(errors.New("not JSON"))
		}, 1, "not JSON"},
		{deadletter.Exhausted, func(context.Context, *record.Record) error { return errRefused }, 3, "refused"},
		{deadletter.Panic, func(context.Context, *record.Record) error { panic("oh") }, 1, "panic in handler: oh"},
		{deadletter.Timeout, func(ctx context.Context, _ *record.Record) error {
			<-ctx.Done()
			return ctx.Err()
		}, 3, "context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(string(tt.class), func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world) {
				w.mayBury()
				w.produce(2, "fine", "fine")
				first := &kgo.Record{Partition: 2, Key: []byte("k"), Value: []byte("bad"), Timestamp: time.UnixMilli(1234567890123)}
				w.raw(first)
				start := time.Now()
				m := w.join(func(ctx context.Context, r *record.Record) error {
					if string(r.Value) == "fine" {
						return nil
					}
					return tt.handle(ctx, r)
				}, attempts(3), func(c *consumer.Config, _ *consumer.Deps) { c.Timeout = minute })
				w.eventually("committed", func() bool { return w.committed(2) == 3 })
				end := time.Now()
				letters := w.read(dlq)
				require.Len(t, letters, 1)
				require.Equal(t, int32(2), letters[0].Partition, "the source's")
				require.WithinRange(t, letters[0].Timestamp, start.Truncate(time.Millisecond), end)
				original, l := w.letter(letters[0])
				require.Empty(t, original)
				within(t, l.FirstFailure.Sub(start), 0, end.Sub(start))
				within(t, l.LastFailure.Sub(l.FirstFailure), 0, end.Sub(start))
				require.Equal(t, tt.attempts == 1, l.FirstFailure.Equal(l.LastFailure))
				l.FirstFailure, l.LastFailure = time.Time{}, time.Time{}
				require.True(t, l.Timestamp.Equal(first.Timestamp))
				l.Timestamp = first.Timestamp
				require.Equal(t, deadletter.Letter{
					Topic: topic, TopicID: record.TopicID(w.cluster.TopicInfo(topic).TopicID), Partition: 2, Offset: 2, Timestamp: first.Timestamp,
					Group: group, Handler: "test", Attempts: tt.attempts, Class: tt.class, Message: tt.message,
				}, l)
				require.Equal(t, 1.0, m.metric("records_dead_total"))
				require.Equal(t, 2.0, m.metric("records_ok_total"))
				m.addsUp()
				w.checkCommits(w.deadLetters())
			})
		})
	}
}

// topicConfigs returns the settings of a topic.
func (w *world) topicConfigs(name string) map[string]string {
	w.t.Helper()
	answers, err := kadm.NewClient(w.client).DescribeTopicConfigs(w.t.Context(), name)
	require.NoError(w.t, err)
	answer, err := answers.On(name, nil)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Err)
	settings := map[string]string{}
	for _, c := range answer.Configs {
		settings[c.Key] = c.MaybeValue()
	}
	return settings
}

func TestDeadLettersAreKeptForEverAndHaveRoom(t *testing.T) {
	inWorld(t, 5, func(t *testing.T, w *world) {
		w.mayBury()
		limit := "2000000"
		_, err := kadm.NewClient(w.client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, topic)
		require.NoError(t, err)
		m := w.join(dead)
		for p := range int32(5) {
			w.produce(p, "a", "b")
		}
		w.eventually("buried", func() bool { return m.metric("records_dead_total") == 10 })
		settings := w.topicConfigs(dlq)
		require.Equal(t, "-1", settings["retention.ms"])
		require.Equal(t, "delete", settings["cleanup.policy"])
		most, err := strconv.Atoi(settings["max.message.bytes"])
		require.NoError(t, err)
		require.Greater(t, most, 2_100_000)
		require.Len(t, w.cluster.PartitionInfos(dlq), 5)
		for _, r := range w.read(dlq) {
			_, l := w.letter(r)
			require.Equal(t, l.Partition, r.Partition)
			require.Equal(t, l.Offset, r.Offset, "in order")
		}
	})
}

// thousand are a thousand headers.
func thousand() []kgo.RecordHeader {
	var all []kgo.RecordHeader
	for i := range 1000 {
		all = append(all, kgo.RecordHeader{Key: fmt.Sprint("name-", i), Value: fmt.Append(nil, i)})
	}
	return all
}

// forged is a block as ours, of another record.
func forged() []kgo.RecordHeader {
	var all []kgo.RecordHeader
	l := deadletter.Letter{Topic: "other", Group: "other", Offset: 77, Replays: 9, Class: deadletter.Panic, Message: "forged"}
	for _, h := range l.Append(nil) {
		all = append(all, kgo.RecordHeader(h))
	}
	return all
}

func TestADeadLetterIsTheRecordAsItWas(t *testing.T) {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	tests := []struct {
		name   string
		record kgo.Record
	}{
		{"null key, null value", kgo.Record{}},
		{"empty key, empty value", kgo.Record{Key: []byte{}, Value: []byte{}}},
		{"null key, empty value", kgo.Record{Value: []byte{}}},
		{"not UTF-8", kgo.Record{
			Key: []byte("\xff\x00\xfe"), Value: []byte("\xc3\x28\x00"), Headers: []kgo.RecordHeader{header("\xff\x00", "\xfe"), header("", "")},
		}},
		{"duplicate names and null values", kgo.Record{Value: []byte("v"), Headers: []kgo.RecordHeader{
			header("a", "1"), header("a", "2"), {Key: "a"}, header("a", ""), header("b", "1"), header("a", "1"),
		}}},
		{"a thousand headers", kgo.Record{Value: []byte("v"), Headers: thousand()}},
		{"a forged block", kgo.Record{Value: []byte("v"), Headers: forged()}},
		{"two forged blocks and one of half", kgo.Record{Value: []byte("v"), Headers: append(append(forged(), forged()...), forged()[:6]...)}},
		{"a forged count", kgo.Record{Value: []byte("v"), Headers: []kgo.RecordHeader{header("x-dlq-replay-count", "1000000")}}},
		{"a time before 1970", kgo.Record{Value: []byte("v"), Timestamp: time.UnixMilli(-86_400_000)}},
		{"the year 2,286,000", kgo.Record{Value: []byte("v"), Timestamp: time.UnixMilli(1 << 56)}},
		{"the year 9999", kgo.Record{Value: []byte("v"), Timestamp: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.mayBury()
				want := tt.record
				w.writeExactly(&want)
				w.join(dead, attempts(1))
				w.eventually("committed", func() bool { return w.committed(0) == 1 })
				letters := w.read(dlq)
				require.Len(t, letters, 1)
				got := letters[0]
				require.Equal(t, want.Key, got.Key)
				require.Equal(t, want.Value, got.Value)
				original, l := w.letter(got)
				require.Len(t, original, len(want.Headers))
				for i, h := range want.Headers {
					require.Equal(t, h, kgo.RecordHeader(original[i]))
				}
				require.Equal(t, topic, l.Topic)
				require.Equal(t, int64(0), l.Offset)
				require.Zero(t, l.Replays)
				require.Equal(t, want.Timestamp.UnixMilli(), l.Timestamp.UnixMilli())
				w.checkCommits(w.deadLetters())
			})
		})
	}
}

func TestAMessageOfADeadLetterIsShortAndText(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		w.join(func(context.Context, *record.Record) error {
			return consumer.Permanent(errors.New("\xff\xfe" + strings.Repeat("ü", 10_000)))
		})
		w.produce(0, "a")
		w.eventually("committed", func() bool { return w.committed(0) == 1 })
		_, l := w.letter(w.read(dlq)[0])
		require.LessOrEqual(t, len(l.Message), 1024)
		require.Greater(t, len(l.Message), 1000)
		require.Equal(t, "\uFFFDüüü", l.Message[:len("\uFFFDüüü")])
	})
}

// noise is bytes that no compression makes smaller, and others for each seed.
func noise(n int, seed ...byte) []byte {
	var key [32]byte
	copy(key[:], seed)
	source := rand.NewChaCha8(key)
	b := make([]byte, n)
	_, _ = source.Read(b)
	return b
}

func TestADeadLetterFitsWhateverTheSizeOfTheRecord(t *testing.T) {
	const limit = 1_048_588
	squeezed := bytes.Repeat(noise(48_000), 50) // LZ4 sees what gzip, which looks back 32 KiB, does not.
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(squeezed[:limit])
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	require.Greater(t, packed.Len(), limit, "the test is about a record that gzip does not make smaller")
	tests := []struct {
		name        string
		compression kgo.CompressionCodec
		records     []*kgo.Record
	}{
		{"at the limit", kgo.NoCompression(), []*kgo.Record{{Value: noise(limit - 80)}}},
		{"compressed", kgo.SnappyCompression(), []*kgo.Record{{Value: bytes.Repeat([]byte("x"), 10<<20)}}},
		{"compressed better than a dead letter is", kgo.Lz4Compression(), []*kgo.Record{{Value: squeezed}}},
		{"with small ones before and behind", kgo.Lz4Compression(), []*kgo.Record{{Value: []byte("before")}, {Value: squeezed}, {Value: []byte("behind")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.mayBury()
				client := w.connect(kgo.ProducerBatchMaxBytes(50<<20), kgo.ProducerBatchCompression(tt.compression), kgo.RecordPartitioner(kgo.ManualPartitioner()))
				for _, r := range tt.records {
					r.Topic = topic
					require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
				}
				w.join(dead)
				w.eventually("committed", func() bool { return w.committed(0) == int64(len(tt.records)) })
				letters := w.read(dlq)
				require.Len(t, letters, len(tt.records))
				for i, r := range tt.records {
					require.True(t, bytes.Equal(r.Value, letters[i].Value))
				}
			})
		})
	}
}

// Dead letters that fit alone are not sent in a batch that does not.
func TestLargeDeadLettersAreNotRefusedForEachOther(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.mayBury()
		const records = 100
		for i := range records {
			w.raw(&kgo.Record{Value: noise(60_000, byte(i))})
		}
		sent := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dlq, Observe: true, Count: -1})
		w.join(dead, ordered(consumer.OrderNone))
		w.eventually("committed", func() bool { return w.committed(0) == records })
		require.Len(t, w.read(dlq), records)
		require.LessOrEqual(t, sent.Hits(), records)
	})
}

// writeExactly writes a record with the time that it has. The client keeps times
// as nanoseconds, which end in 2262, so the request is corrected on its way.
func (w *world) writeExactly(r *kgo.Record) {
	w.t.Helper()
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now().Truncate(time.Millisecond)
	}
	at := r.Timestamp
	w.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.DropControl()
		const crc, attributes, first, last = 17, 21, 27, 35 // of a record batch
		batch := req.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
		binary.BigEndian.PutUint64(batch[first:], uint64(at.UnixMilli()))
		binary.BigEndian.PutUint64(batch[last:], uint64(at.UnixMilli()))
		binary.BigEndian.PutUint32(batch[crc:], crc32.Checksum(batch[attributes:], crc32.MakeTable(crc32.Castagnoli)))
		return nil, nil, false
	})
	w.raw(r)
	r.Timestamp = at
}
