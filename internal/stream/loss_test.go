package stream_test

import (
	"testing"
	"time"

	"sluice/internal/stream"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever Kafka has deleted below a cursor is said, and exactly that.
func TestDeletedRecordsAreAGap(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	first := w.watch(w.hub(), stream.Request{Topics: []string{"t"}})
	id := first.seen("ready").ID
	w.produce("t", 2, 100)
	first.records(200)
	var below kadm.Offsets
	below.AddOffset("t", 1, 40, -1)
	_, err := w.admin.DeleteRecords(t.Context(), below)
	require.NoError(t, err)

	again := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
	gap := again.seen("gap").Data
	require.Equal(t, stream.Expired, gap.Reason)
	require.Equal(t, []int64{1, 0, 40}, []int64{int64(gap.Partition), *gap.From, *gap.To})
	again.seen("caughtup")
	require.Equal(t, map[int32]int64{0: 100, 1: 100}, inOrder(t, again.records(160), map[int32]int64{1: 40}))

	// A replica that has been there still has them.
	kept := w.watch(first.hub, stream.Request{Topics: []string{"t"}, Cursor: id})
	require.Equal(t, map[int32]int64{0: 100, 1: 100}, inOrder(t, kept.records(200), nil))
}

// A topic of the same name that was made anew is said, and read from its
// beginning: by who watches, and by who comes with a cursor of the old one.
func TestATopicIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	w.produce("t", 2, 30)
	running := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, From: stream.Earliest})
	running.records(60)
	id := running.lastID()
	_, err := w.admin.DeleteTopics(t.Context(), "t")
	require.NoError(t, err)
	require.Equal(t, stream.TopicDeleted, running.seen("gap").Data.Reason)
	w.write.PurgeTopicsFromProducing("t")
	w.topic("t", 3)
	w.produce("t", 3, 5)
	got := running.until(func(e []event) bool { return len(named(e, "message")) == 75 })
	gaps := named(got, "gap")
	require.Len(t, gaps, 2)
	require.Equal(t, stream.TopicRecreated, gaps[1].Data.Reason)
	inOrder(t, named(got, "message")[60:], nil)

	later := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
	require.Equal(t, stream.TopicRecreated, later.seen("gap").Data.Reason)
	inOrder(t, later.records(15), nil)
}

// A cursor that is not one is said, and the stream goes on live; it never
// replays everything in silence.
func TestABadCursor(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	w.produce("t", 2, 30)
	h := w.hub()
	other := w.watch(h, stream.Request{Topics: []string{"t"}}).seen("ready").ID
	w.topic("u", 5)
	foreign := w.watch(h, stream.Request{Topics: []string{"u"}}).seen("ready").ID
	for name, c := range map[string]struct {
		cursor string
		gap    bool
	}{
		"nonsense":         {"42", true},
		"damaged":          {other[:len(other)-2] + "AA", true},
		"of another topic": {foreign, false}, // The topic is new to it, and begins at from.
		"of no topic":      {stream.Cursor{}.String(), false},
	} {
		t.Run(name, func(t *testing.T) {
			c0 := w.watch(h, stream.Request{Topics: []string{"t"}, Cursor: c.cursor})
			c0.seen("caughtup")
			got := c0.until(func([]event) bool { return true })
			require.Empty(t, named(got, "message"))
			if c.gap {
				require.Equal(t, stream.BadCursor, c0.seen("gap").Data.Reason)
			} else {
				require.Empty(t, named(got, "gap"))
			}
			c0.close()
		})
	}
}

// A cursor that lies behind the end of the log, forged or of before an unclean
// election, does not wait in silence for records that may never come.
func TestACursorBehindTheEnd(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 10)
	h := w.hub()
	c := w.watch(h, stream.Request{Topics: []string{"t"}})
	c.seen("ready")
	forged, err := stream.ParseCursor(c.lastID())
	require.NoError(t, err)
	forged[0].Next[0] = 1 << 40
	again := w.watch(h, stream.Request{Topics: []string{"t"}, Cursor: forged.String()})
	gap := again.seen("gap").Data
	require.Equal(t, stream.Truncated, gap.Reason)
	require.Equal(t, int64(10), *gap.To)
	w.produce("t", 1, 3)
	inOrder(t, again.records(3), map[int32]int64{0: 10})

	forged[0].Next = make([]int64, 9)
	more := w.watch(h, stream.Request{Topics: []string{"t"}, Cursor: forged.String()})
	require.Equal(t, stream.BadCursor, more.seen("gap").Data.Reason)
}

// What a transaction has not committed is not seen, and what follows it waits;
// what it has aborted is never seen.
func TestTransactions(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	h := w.hub()
	c := w.watch(h, stream.Request{Topics: []string{"t"}})
	c.seen("caughtup")
	writer, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.TransactionalID("x"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionTimeout(time.Minute))
	require.NoError(t, err)
	defer writer.Close()
	transact := func(value string, commit kgo.TransactionEndTry) {
		require.NoError(t, writer.BeginTransaction())
		require.NoError(t, writer.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte(value)}).FirstErr())
		w.produce("t", 1, 1)
		require.NoError(t, writer.EndTransaction(t.Context(), commit))
	}
	transact("aborted", kgo.TryAbort)
	transact("committed", kgo.TryCommit)
	w.produce("t", 1, 1)
	var offsets []int64
	for _, e := range c.records(4) {
		offsets = append(offsets, e.Data.Offset)
	}
	// 0 is aborted, 2 and 5 are the ends of the transactions.
	require.Equal(t, []int64{1, 3, 4, 6}, offsets)
	// Who comes now begins behind them, although the last offset is no record.
	id := c.lastID()
	transact("aborted", kgo.TryAbort)
	late := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
	require.Equal(t, int64(8), late.records(1)[0].Data.Offset)
	late.seen("caughtup")
}
