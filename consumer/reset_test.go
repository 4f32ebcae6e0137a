package consumer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"

	"sluice/record"
)

func TestACommittedOffsetThatHasExpiredIsAnEvent(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		w.produce(0, numbered("r", 0, 10)...)
		w.produce(1, numbered("r", 0, 10)...)
		w.seen.forget(0, 0, 3)
		w.seek(0, 3, "")
		require.NoError(t, w.cluster.DeleteRecords(topic, 0, 7))
		w.seen.forget(0, 0, 7)
		m := w.join(nil)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, []int64{7, 8, 9}, w.seen.of(0))
		require.Equal(t, 1, w.log.count(`msg="offset is no longer in the log" handler=test group=readers topic=events partition=0 from=3 to=7 reason=expired`))
		require.Equal(t, 1.0, m.metric(`offset_resets_total{reason="expired"}`))
		w.eventually("committed", func() bool { return w.committed(0) == 10 })
	})
}

func TestRecordsThatExpireBeforeTheyAreFetchedAreAnEvent(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		release := make(chan struct{})
		m := w.join(func(_ context.Context, r *record.Record) error {
			if r.Offset == 0 {
				<-release
			}
			return nil
		})
		w.flood(0, 60_000)
		w.eventually("the queue is full", func() bool { return m.metric("records_queued") > 10_000 })
		w.pass(time.Second)
		fetched := int64(m.metric("records_in_total"))
		require.NoError(t, w.cluster.DeleteRecords(topic, 0, 59_990))
		w.seen.forget(0, fetched, 59_990)
		close(release)
		w.eventually("the rest is handled", w.seen.all)
		require.Len(t, w.seen.of(0), int(fetched)+10, "what was fetched is handled all the same")
		require.Contains(t, w.log.String(), fmt.Sprintf("from=%d to=59990 reason=expired", fetched))
		w.eventually("committed", func() bool { return w.committed(0) == 60_000 })
		m.addsUp()
	})
}

func TestTheCommitFollowsWhenEverythingHasExpired(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, numbered("r", 0, 10)...)
		w.seen.forget(0, 0, 10)
		w.seek(0, 3, "")
		require.NoError(t, w.cluster.DeleteRecords(topic, 0, 10))
		w.join(nil)
		w.eventually("committed", func() bool { return w.committed(0) == 10 })
		require.Empty(t, w.seen.of(0))
	})
}

// Kafka 4.1 commits by topic id, 3.1 fetches by it, 2.8 does neither.
func TestATopicThatIsRecreatedIsReadFromItsBeginning(t *testing.T) {
	versions := map[string]*kversion.Versions{"2.8": kversion.V2_8_0(), "3.1": kversion.V3_1_0(), "now": kversion.Stable()}
	for name, version := range versions {
		for _, records := range []int{3, 50} { // Fewer than before, and more.
			t.Run(fmt.Sprint(name, " with ", records), func(t *testing.T) {
				inWorld(t, 2, func(t *testing.T, w *world) {
					m := w.join(nil, latest)
					w.eventually("joined", func() bool { return w.committed(0) == 0 })
					w.produce(0, numbered("old", 0, 10)...)
					w.eventually("handled", w.seen.all)
					w.eventually("committed", func() bool { return w.committed(0) == 10 })
					require.NoError(t, w.cluster.DeleteTopic(topic))
					require.NoError(t, w.cluster.CreateTopic(topic, 3, nil))
					w.seen.reset()
					w.client.PurgeTopicsFromClient(topic)
					for p := range int32(3) {
						w.produce(p, numbered("new", 0, records)...)
					}
					w.eventually("all handled", w.seen.all)
					w.eventually("all committed", func() bool { return w.committed(0) == int64(records) && w.committed(2) == int64(records) })
					require.Contains(t, w.log.String(), "to=0 reason=recreated")
					require.Positive(t, m.metric(`offset_resets_total{reason="recreated"}`))
					require.NoError(t, m.Ready())
					m.addsUp()
				}, kfake.MaxVersions(version))
			})
		}
	}
}

func TestATopicThatIsDeletedIsReadAgainWhenItIsBack(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		m := w.join(nil)
		w.produce(0, "old")
		w.eventually("handled", w.seen.all)
		require.NoError(t, w.cluster.DeleteTopic(topic))
		w.pass(10 * minute)
		require.NoError(t, w.cluster.CreateTopic(topic, 1, nil))
		w.seen.reset()
		w.client.PurgeTopicsFromClient(topic)
		w.produce(0, "new")
		w.eventually("handled", w.seen.all)
		m.addsUp()
	})
}

// Before Kafka 4.1 offsets are committed by the topic's name: a commit that is
// on its way when the topic is deleted and created again is taken for one of
// the new topic. Starting there would skip what is below.
func TestACommitOfTheTopicBeforeIsNotTaken(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, numbered("new", 0, 10)...)
		w.seek(0, 6, "topic-id=AAAAAAAAAAAAAAAAAAAAAQ")
		m := w.join(nil)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, 1.0, m.metric(`offset_resets_total{reason="recreated"}`))
		w.eventually("committed", func() bool { return w.committed(0) == 10 })
		require.NoError(t, m.stop())
		// Its own commits it knows.
		n := w.join(nil)
		w.eventually("joined", func() bool { return n.Ready() == nil })
		w.pass(minute)
		require.Zero(t, n.metric("records_in_total"))
	})
}

func TestACommitOfSomebodyElseIsTaken(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, numbered("r", 0, 10)...)
		w.seen.forget(0, 0, 6)
		w.seek(0, 6, "set by hand")
		w.join(nil)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, []int64{6, 7, 8, 9}, w.seen.of(0))
	})
}

// A log that ends before the group's position has lost records. What is in it
// is read again rather than skipped.
func TestAnOffsetBehindTheEndGoesBackToTheStart(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.produce(0, numbered("r", 0, 5)...)
		w.seen.reset()
		w.seek(0, 500, "")
		for i := range int64(5) {
			w.seen.expect(0, i, "")
		}
		m := w.join(nil)
		w.eventually("all handled", w.seen.all)
		require.Equal(t, 1.0, m.metric(`offset_resets_total{reason="truncated"}`))
		w.eventually("committed", func() bool { return w.committed(0) == 5 })
	})
}
