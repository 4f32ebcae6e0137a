package consumer_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

// slowly makes each record take some fake time.
func slowly(d time.Duration) consumer.HandlerFunc {
	return func(ctx context.Context, _ *record.Record) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestMembersComeAndGoUnderLoadAndNothingIsLost(t *testing.T) {
	inWorld(t, 6, func(t *testing.T, w *world) {
		for p := range int32(6) {
			w.produce(p, numbered("load", 0, 200)...)
		}
		// A clean hand-over repeats nothing: what is in work is finished and
		// committed before another member gets the partition.
		a := w.join(slowly(100 * time.Millisecond))
		w.pass(3 * time.Second)
		b := w.join(slowly(100 * time.Millisecond))
		w.pass(7 * time.Second)
		c := w.join(slowly(100 * time.Millisecond))
		w.eventually("shared", func() bool {
			return a.metric("partitions") == 2 && b.metric("partitions") == 2 && c.metric("partitions") == 2
		})
		require.NoError(t, a.stop())
		w.pass(3 * time.Second)
		require.NoError(t, b.stop())
		w.eventually("all handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		for p := range int32(6) {
			require.IsIncreasing(t, w.seen.of(p), "partition %d", p)
			w.eventually("committed", func() bool { return w.committed(p) == 200 })
		}
		for _, m := range []*member{a, b, c} {
			m.addsUp()
		}
	})
}

func TestARevokeWaitsForTheRecordInWorkAndCommitsIt(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a := w.join(slowly(8 * time.Second))
		w.produce(0, numbered("slow", 0, 3)...)
		w.produce(1, numbered("slow", 0, 3)...)
		w.eventually("in work", func() bool { return a.metric("records_running") == 2 })
		b := w.join(slowly(8 * time.Second))
		w.eventually("shared", func() bool { return a.metric("partitions") == 1 && b.metric("partitions") == 1 })
		w.eventually("all handled", w.seen.all)
		_, repeats := w.seen.count()
		require.Zero(t, repeats)
		require.Contains(t, w.log.String(), "still_busy=0")
		require.Positive(t, a.metric("records_returned_total"), "what was queued was handed back")
		a.addsUp()
		b.addsUp()
	})
}

func TestAfterTheBudgetOfARevokeTheRecordInWorkNoLongerCounts(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		var ended atomic.Int32
		slow := func(ctx context.Context, r *record.Record) error {
			if r.Offset == 1 {
				select {
				case <-time.After(2 * minute):
				case <-ctx.Done():
					ended.Add(1) // It is told, and finishes all the same.
				}
			}
			return nil
		}
		a := w.join(slow)
		for p := range int32(2) {
			w.produce(p, numbered("r", 0, 3)...)
		}
		w.eventually("in work", func() bool {
			return a.metric("records_running") == 2 && w.committed(0) == 1 && w.committed(1) == 1
		})
		b := w.join(slow)
		w.eventually("handed over", func() bool { return b.metric("partitions") == 1 })
		require.Equal(t, int32(1), ended.Load())
		require.Contains(t, w.log.String(), "still_busy=1")
		moved := int32(0)
		if len(w.seen.of(1)) > len(w.seen.of(0)) {
			moved = 1
		}
		require.Equal(t, int64(1), w.committed(moved), "what finished after the fence is not committed")
		w.eventually("all handled", w.seen.all)
		records, repeats := w.seen.count()
		require.Equal(t, 6, records)
		require.Equal(t, 1, repeats)
		a.addsUp()
		b.addsUp()
	})
}

func TestLostPartitionsEndTheirHandlersAndCommitNothing(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var ended, begun atomic.Int32
		// While commits fail there is something left that a lost member could
		// wrongly commit.
		commits := w.fault(kmsg.OffsetCommit, kerr.GroupAuthorizationFailed, -1)
		a := w.join(func(ctx context.Context, r *record.Record) error {
			if r.Offset < 2 || begun.Add(1) > 1 {
				return nil
			}
			<-ctx.Done()
			ended.Add(1)
			return nil // Too late: nobody asks any more.
		})
		w.produce(0, numbered("r", 0, 3)...)
		w.eventually("stuck", func() bool { return a.metric("records_running") == 1 })
		beat := w.fault(kmsg.Heartbeat, kerr.UnknownMemberID, 1)
		require.NoError(t, beat.Wait(t.Context(), 1))
		w.eventually("lost", func() bool { return w.log.count("partition lost") == 1 })
		synctest.Wait()
		require.Equal(t, int32(1), ended.Load())
		require.Equal(t, int64(-1), w.committed(0))
		commits.Remove()
		w.eventually("handled by the next assignment", func() bool { return w.committed(0) == 3 })
		records, repeats := w.seen.count()
		require.Equal(t, 3, records)
		require.Equal(t, 3, repeats, "two that were not committed, and the one that no longer counted")
		require.NoError(t, a.Ready())
		a.addsUp()
	})
}

// A member whose session ends without its noticing must neither commit under
// its new name what another member has gone beyond, nor stop for ever.
func TestAMemberThatWasSilentForTooLongGoesOn(t *testing.T) {
	inWorld(t, 2, func(_ *testing.T, w *world) {
		a := w.join(slowly(time.Second))
		for p := range int32(2) {
			w.produce(p, numbered("r", 0, 300)...)
		}
		w.pass(10 * time.Second)
		beats := w.cluster
		// The coordinator hears nothing of anybody for longer than a session.
		stop := false
		beats.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
			if stop {
				beats.DropControl()
				return nil, nil, false
			}
			beats.KeepControl()
			return nil, nil, true // Swallowed: no answer at all.
		})
		w.pass(minute)
		b := w.join(slowly(time.Second))
		w.pass(minute)
		stop = true
		w.cut(false)
		w.eventually("all handled", w.seen.all)
		w.eventually("all committed", func() bool { return w.committed(0) == 300 && w.committed(1) == 300 })
		a.addsUp()
		b.addsUp()
	})
}

// holdOnce makes a handler that holds every record until its context ends, but
// only the first time that it gets it.
func holdOnce(ended *atomic.Int32) consumer.HandlerFunc {
	var mu sync.Mutex
	held := map[int32]bool{}
	return func(ctx context.Context, r *record.Record) error {
		mu.Lock()
		again := held[r.Partition]
		held[r.Partition] = true
		mu.Unlock()
		if again {
			return nil
		}
		<-ctx.Done()
		ended.Add(1)
		return ctx.Err()
	}
}

// through connects a member by a cable of its own.
func through(c *cable) func(*consumer.Config, *consumer.Deps) {
	return func(_ *consumer.Config, deps *consumer.Deps) {
		deps.Client = append(deps.Client, kgo.Dialer(c.dial))
	}
}

func TestAMemberThatComesBackUnderAnotherNameBeginsAnew(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var ended atomic.Int32
		own := &cable{connect: w.network.DialContext}
		a := w.join(holdOnce(&ended), through(own))
		w.produce(0, "a")
		w.eventually("in work", func() bool { return a.metric("records_running") == 1 })
		own.cut(true)
		w.pass(3 * time.Second)
		w.expel(w.cluster.GroupInfo(group).Members[0].MemberID)
		require.Zero(t, ended.Load(), "it cannot know yet that the partition is not its own")
		own.cut(false)
		w.pass(5 * time.Second)
		require.Equal(t, int32(1), ended.Load(), "somebody else could have had it")
		w.eventually("all handled", w.seen.all)
		a.addsUp()
	})
}

func TestAMemberThatComesBackGoesOnOnlyWithWhatItStillHas(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		var ended atomic.Int32
		own := &cable{connect: w.network.DialContext}
		a := w.join(holdOnce(&ended), through(own))
		for p := range int32(4) {
			w.produce(p, "r")
		}
		w.eventually("in work", func() bool { return a.metric("records_running") == 4 })
		own.cut(true)
		w.pass(5 * time.Second)
		b := w.join(nil)
		w.pass(time.Second)
		require.Zero(t, ended.Load())
		own.cut(false)
		w.pass(10 * time.Second)
		require.Equal(t, 2.0, a.metric("partitions"))
		require.Equal(t, 2.0, b.metric("partitions"))
		require.Equal(t, int32(2), ended.Load())
		require.Equal(t, 2.0, a.metric("records_running"))
		require.Equal(t, 2.0, b.metric("records_ok_total"))
		a.addsUp()
		require.NoError(t, b.stop())
		require.Error(t, a.stop())
		require.Equal(t, int32(4), ended.Load())
	})
}

func TestAPauseEndsWithTheAssignment(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		var ended atomic.Int32
		m := w.join(holdOnce(&ended))
		w.flood(0, 50_000)
		w.eventually("the queue is full", func() bool { return m.metric("records_queued") > 10_000 })
		beat := w.fault(kmsg.Heartbeat, kerr.UnknownMemberID, 1)
		require.NoError(t, beat.Wait(t.Context(), 1))
		w.eventually("all handled", w.seen.all)
		m.addsUp()
	})
}

// A client that waits in a rebalance cannot leave: it is waiting for the answer
// to its join. Somebody has to, or the others wait until its session ends.
func TestAMemberCanLeaveWhileItJoins(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		own := &cable{connect: w.network.DialContext}
		a := w.join(nil, through(own))
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		own.cut(true) // The group waits for it until its session ends.
		b := w.join(nil)
		w.pass(5 * time.Second)
		require.Len(t, w.cluster.GroupInfo(group).Members, 2)
		require.NoError(t, b.stop())
		require.Len(t, w.cluster.GroupInfo(group).Members, 1)
		require.Zero(t, w.log.count("could not leave"))
		own.cut(false)
		w.produce(0, "a")
		w.produce(1, "b")
		w.eventually("all handled", w.seen.all)
		a.addsUp()
	})
}
