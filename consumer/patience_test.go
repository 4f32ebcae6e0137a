package consumer_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rebalanceTimeout is what members ask for: how long Kafka waits, once a
// rebalance has begun, for those that have not joined.
const rebalanceTimeout = time.Minute

// disbanded is logged each time that limitRebalances had to do something.
const disbanded = "the fake broker does not end a rebalance: members thrown out"

// limitRebalances ends each rebalance for which Kafka would have no more
// patience, until the test ends.
//
// Kafka lets the time-out run once, and then goes on without those that have
// not joined. kfake begins it anew with every join. And when a member goes that
// waits for its assignment, kfake takes it off the number of those that have
// joined, so that all who are there remain one too few. Members that join again
// because they get no answer, less than a minute apart, then keep the rebalance
// going for ever. (Kafka counts only joins, and lets no session end meanwhile.)
//
// So all members are thrown out, which makes the count right, and come back
// under new names. That hides no fault of a member: Kafka would have gone on by
// then, without those that are late.
func (w *world) limitRebalances() {
	ctx, cancel := context.WithCancel(w.t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		var epoch int32
		var since time.Time // zero: there is no rebalance
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second): // Fake time.
			}
			info := w.cluster.GroupInfo(group)
			switch {
			case info == nil || info.State != "PreparingRebalance":
				since = time.Time{}
			case since.IsZero() || info.Epoch != epoch:
				epoch, since = info.Epoch, time.Now()
			case time.Since(since) > rebalanceTimeout:
				w.disband(ctx, info.Members)
			}
		}
	})
	w.t.Cleanup(func() {
		cancel()
		watch.Wait()
	})
}

// disband throws members out. When Kafka is away, a later try does it.
func (w *world) disband(ctx context.Context, members []kfake.GroupMember) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var ids []string
	for _, m := range members {
		ids = append(ids, m.MemberID)
	}
	if w.throwOut(ctx, ids...) == nil {
		slog.New(w.log).WarnContext(ctx, disbanded)
	}
}

// throwOut removes members from the group, all at once.
func (w *world) throwOut(ctx context.Context, memberIDs ...string) error {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	for _, id := range memberIDs {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = id
		req.Members = append(req.Members, member)
	}
	_, err := req.RequestWith(ctx, w.client)
	return err
}

// What the leader has decided is lost on its way, as when its machine dies. So
// the others wait, and meanwhile one is stopped and another one is started, as
// in an upgrade. Kafka lets them go on when the leader's session ends.
func TestAGroupGoesOnWhenAnAssignmentIsLost(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		w.limitRebalances()
		leader := w.join(nil)
		w.eventually("one has all", func() bool { return leader.metric("partitions") == 3 })
		stops := w.join(nil)
		w.eventually("shared by two", func() bool { return stops.metric("partitions") == 1 })
		lost := w.loseAssignment()
		stays := w.join(nil)
		w.eventually("lost", lost.Load)
		for p := range int32(3) {
			w.produce(p, numbered("r", 0, 10)...)
		}
		w.pass(5 * time.Second)
		require.NoError(t, stops.stop())
		w.pass(15 * time.Second)
		members := []*member{leader, stays, w.join(nil)}
		w.eventually("all committed", func() bool {
			return w.committed(0) == 10 && w.committed(1) == 10 && w.committed(2) == 10
		})
		w.eventually("shared by three", func() bool {
			return !slices.ContainsFunc(members, func(m *member) bool { return m.metric("partitions") != 1 })
		})
		require.NotZero(t, w.log.count(disbanded), "kfake has ended the rebalance itself: limitRebalances can go")
		for _, m := range members {
			m.addsUp()
		}
	})
}

// loseAssignment makes the next assignment that a leader sends go unanswered,
// and tells when it has.
func (w *world) loseAssignment() *atomic.Bool {
	var lost atomic.Bool
	w.cluster.ControlKey(int16(kmsg.SyncGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		sync := req.(*kmsg.SyncGroupRequest)
		return nil, nil, len(sync.GroupAssignment) > 0 && lost.CompareAndSwap(false, true)
	})
	return &lost
}
