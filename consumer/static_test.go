package consumer_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
)

func instance(name string) setting {
	return func(c *consumer.Config, _ *consumer.Deps) { c.Instance = name }
}

// leavings counts the requests to leave a group.
func (w *world) leavings() *atomic.Int32 {
	var n atomic.Int32
	w.cluster.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		n.Add(1)
		return nil, nil, false
	})
	return &n
}

func TestAStaticMemberThatComesBackHasItsPartitionsAgain(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		leavings := w.leavings()
		a, b := w.join(nil, instance("a")), w.join(nil, instance("b"))
		w.eventually("shared", func() bool { return a.metric("partitions") == 2 && b.metric("partitions") == 2 })
		w.pass(20 * time.Second)
		before, revoked := w.cluster.GroupInfo(group), w.log.count("partitions revoked")
		had := a.Status().Partitions
		for i := range 3 {
			if i == 1 { // kfake asks the member that led the group once more; nobody loses anything by it.
				before = w.cluster.GroupInfo(group)
			}
			require.NoError(t, a.stop())
			require.Len(t, w.cluster.GroupInfo(group).Members, 2, "its place is kept")
			w.produce(had[0].Partition, "meanwhile")
			w.pass(20 * time.Second)
			require.Equal(t, 2.0, b.metric("partitions"), "nobody else has its partitions")
			a = w.join(nil, instance("a"))
			w.eventually("back", func() bool { return a.metric("partitions") == 2 })
			w.eventually("all handled", w.seen.all)
			for i, p := range a.Status().Partitions {
				require.Equal(t, had[i].Partition, p.Partition)
			}
		}
		require.Equal(t, before.Epoch, w.cluster.GroupInfo(group).Epoch, "no rebalance")
		require.Equal(t, revoked, w.log.count("partitions revoked"))
		require.Zero(t, leavings.Load())
		require.Zero(t, w.log.count("could not leave"))
		_, repeats := w.seen.count()
		require.Zero(t, repeats)

		// When it does not come back, the others get what it had.
		require.NoError(t, a.stop())
		w.eventually("taken over", func() bool { return b.metric("partitions") == 4 })
		b.addsUp()
	})
}

// A client that waits in a rebalance cannot leave, and nobody may do it for a
// static member: it would be thrown out, and its partitions with it.
func TestAStaticMemberIsNotThrownOutByItsOwnEnd(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		leavings := w.leavings()
		own := &cable{connect: w.network.DialContext}
		a := w.join(nil, through(own))
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		own.cut(true) // The group waits for it until its session ends.
		b := w.join(nil, instance("b"))
		w.pass(5 * time.Second)
		start := time.Now()
		require.NoError(t, b.stop())
		require.Less(t, time.Since(start), 5*time.Second)
		require.Zero(t, leavings.Load())
		require.Zero(t, w.log.count("could not leave"))
		own.cut(false)
		w.produce(0, "a")
		w.produce(1, "b")
		b = w.join(nil, instance("b"))
		w.eventually("all handled", w.seen.all)
		a.addsUp()
		b.addsUp()
	})
}

func TestTwoMembersOfOneInstanceAreTold(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a := w.join(nil, instance("same"))
		w.eventually("joined", func() bool { return w.committed(0) == 0 })
		b := w.join(nil, instance("same"))
		w.eventually("joined", func() bool { return b.metric("partitions") == 1 })
		w.pass(minute)
		require.Positive(t, strings.Count(w.log.String(), "FENCED_INSTANCE_ID"), "the log says why")
		w.produce(0, "x")
		w.eventually("handled", w.seen.all)
		a.addsUp()
		b.addsUp()
	})
}
