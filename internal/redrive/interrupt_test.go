package redrive_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"sluice/internal/redrive"
)

// A process may die at any point, with its last request in Kafka or not. The
// run after it, on another replica, leaves each letter in the retry topic
// exactly once, as readers of committed records see it.
func TestAnInterruptionAtEveryPoint(t *testing.T) {
	const letters = 23
	keys := []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.EndTxn}
	for _, c := range []struct {
		name    string
		deliver bool
		version *kversion.Versions
	}{
		{"before a request", false, kversion.Stable()},
		{"before an answer", true, kversion.Stable()},
		{"before a request, Kafka 3", false, kversion.V3_5_0()},
		{"before an answer, Kafka 3", true, kversion.V3_5_0()},
	} {
		t.Run(c.name, func(t *testing.T) {
			interrupted := 0
			for n := 0; ; n++ {
				w := newWorld(t, kfake.MaxVersions(c.version))
				w.fill(0, letters)
				cable := newCable(n, c.deliver, keys...)
				s := w.service(cable.attach)
				s.Hasten(20*time.Second, 6)
				started, err := s.Start(t.Context(), redrive.Request{Group: group}, anybody)
				require.NoError(t, err)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = s.Wait(context.Background(), group, started.ID)
				}()
				select {
				case <-cable.broken:
				case <-ended:
				}
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				_ = s.Close(gone) // As a kill: nothing is written any more.
				<-ended
				last, err := s.Get(t.Context(), group, started.ID, anybody)
				require.NoError(t, err)
				if last.State == redrive.Done {
					break
				}
				interrupted++
				counts := w.done(w.service())
				require.GreaterOrEqual(t, int64(letters), last.Counts.Redriven)
				require.LessOrEqual(t, last.Counts.Redriven, counts.Already, "what was counted is there")
				require.EqualValues(t, letters, counts.Already+counts.Redriven)
				w.exactlyOnce(letters)
			}
			require.GreaterOrEqual(t, interrupted, 10, "points at which it was interrupted")
		})
	}
}

// The second redrive of a group, on whatever replica, is the one that goes on.
func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 40)
	slow := w.service()
	first, err := slow.Start(t.Context(), redrive.Request{Group: group, Rate: 2}, redrive.Caller{Name: "ops"})
	require.NoError(t, err)

	// In the same process it is refused, with the id of the other.
	_, err = slow.Start(t.Context(), redrive.Request{Group: group}, anybody)
	var running *redrive.RunningError
	require.ErrorAs(t, err, &running)
	require.Equal(t, first.ID, running.ID)

	require.Eventually(t, func() bool {
		status, err := slow.Get(t.Context(), group, first.ID, anybody)
		return err == nil && status.Counts.Redriven >= 1
	}, time.Minute, 5*time.Millisecond)
	other := w.service()
	counts := w.done(other)
	require.EqualValues(t, 40, counts.Already+counts.Redriven)
	require.Positive(t, counts.Redriven)

	status, err := slow.Wait(t.Context(), group, first.ID)
	require.NoError(t, err)
	require.Equal(t, redrive.TakenOver, status.State)
	require.Contains(t, status.Error, "taken over")
	require.Equal(t, status.Counts.Scanned, status.Counts.Redriven)
	w.exactlyOnce(40)

	// Everybody can read how both have ended.
	status, err = other.Get(t.Context(), group, first.ID, anybody)
	require.NoError(t, err)
	require.Equal(t, redrive.TakenOver, status.State)
	require.Equal(t, "ops", status.Principal)
}

// Many replicas start and take over at the same time: a letter is still there
// once.
func TestAStampede(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 60)
	ended := make(chan redrive.State, 4)
	for range cap(ended) {
		s := w.service()
		started, err := s.Start(t.Context(), redrive.Request{Group: group}, anybody)
		require.NoError(t, err)
		go func() {
			status, err := s.Wait(context.Background(), group, started.ID)
			if err != nil {
				status.State = redrive.Failed
			}
			ended <- status.State
		}()
	}
	for range cap(ended) {
		require.Contains(t, []redrive.State{redrive.Done, redrive.TakenOver}, <-ended)
	}
	w.done(w.service())
	w.exactlyOnce(60)
}

func TestARedriveIsStopped(t *testing.T) {
	for _, c := range []struct {
		name      string
		elsewhere bool
	}{{"by its own process", false}, {"by another one", true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(0, 40)
			s := w.service()
			started, err := s.Start(t.Context(), redrive.Request{Group: group, Rate: 2}, anybody)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				status, err := w.service().Get(t.Context(), group, started.ID, anybody)
				return err == nil && status.Counts.Redriven >= 1
			}, time.Minute, 5*time.Millisecond)
			stopper := s
			if c.elsewhere {
				stopper = w.service()
			}
			stopped, err := stopper.Stop(t.Context(), group, started.ID, redrive.Caller{Name: "ops"})
			require.NoError(t, err)
			require.Equal(t, redrive.Stopped, stopped.State)
			require.Contains(t, stopped.Error, "stopped by ops")
			_, err = s.Wait(t.Context(), group, started.ID)
			require.NoError(t, err)
			for _, replica := range []*redrive.Service{s, stopper, w.service()} {
				status, err := replica.Get(t.Context(), group, started.ID, anybody)
				require.NoError(t, err)
				require.Equal(t, redrive.Stopped, status.State)
				require.Contains(t, status.Error, "stopped by ops")
				// Once more changes nothing.
				again, err := replica.Stop(t.Context(), group, started.ID, anybody)
				require.NoError(t, err)
				require.Equal(t, status, again)
			}
			counts := w.done(w.service())
			require.Less(t, counts.Already, int64(40), "it was stopped before its end")
			w.exactlyOnce(40)
			require.Contains(t, w.log.String(), `"msg":"redrive is stopped","audit":true,"principal":"ops","group":"billing","topics":["orders"],"redrive":"`+started.ID)
		})
	}
}

func TestTheEndOfTheProcessEndsARedriveBetweenBatches(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 40)
	s := w.service()
	started, err := s.Start(t.Context(), redrive.Request{Group: group, Rate: 2}, anybody)
	require.NoError(t, err)
	require.NoError(t, s.Close(t.Context()))
	status, err := w.service().Get(t.Context(), group, started.ID, anybody)
	require.NoError(t, err)
	require.Equal(t, redrive.Stopped, status.State)
	require.Contains(t, status.Error, "its process ends")
	w.done(w.service())
	w.exactlyOnce(40)
}

// A broker that refuses, or loses its answer to a commit, ends the run with an
// error, and the next one finds out what is there.
func TestTransactionsThatFail(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.Produce, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			w := newWorld(t)
			w.fill(0, 12)
			fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: -1})
			s := w.service()
			s.Hasten(500*time.Millisecond, 10)
			status := w.run(s)
			require.Equal(t, redrive.Failed, status.State)
			require.Contains(t, status.Error, "it is safe to run it again")
			require.Zero(t, status.Counts.Redriven)
			fault.Remove()
			w.done(w.service())
			w.exactlyOnce(12)
		})
	}
}

// What the brokers say to a redrive that was taken over depends on their
// version and on the request that comes first.
func TestHowATakeOverIsNoticed(t *testing.T) {
	for _, c := range []struct {
		key kmsg.Key
		err *kerr.Error
	}{
		{kmsg.Produce, kerr.InvalidProducerEpoch},
		{kmsg.Produce, kerr.ProducerFenced},
		{kmsg.EndTxn, kerr.ProducerFenced},
		{kmsg.EndTxn, kerr.InvalidProducerEpoch},
		{kmsg.EndTxn, kerr.InvalidTxnState},
		{kmsg.EndTxn, kerr.InvalidProducerIDMapping},
	} {
		t.Run(c.key.Name()+" "+c.err.Message, func(t *testing.T) {
			w := newWorld(t)
			w.fill(0, 12)
			w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: c.err, Count: 1})
			status := w.run(w.service())
			require.Equal(t, redrive.TakenOver, status.State, status.Error)
			w.done(w.service())
			w.exactlyOnce(12)
		})
	}
}

// A producer that has an open transaction in a topic holds a redrive back: it
// would not see the receipts behind it.
func TestWhoCannotReadTheReceiptsDoesNotGuess(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 5)
	w.done(w.service())
	open := w.transaction(redrives)
	require.EqualValues(t, 5, w.redriveWhileOpen(open).Already)
}

func TestUnknownRedrives(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	s := w.service()
	ended := w.run(s)
	for _, c := range []struct{ group, id string }{
		{group, "x"}, {group, ""}, {"other", ended.ID}, {group, ended.ID[:31] + "v"}, {"a/b", ended.ID}, {group, ended.ID + "0"},
	} {
		_, err := w.service().Get(t.Context(), c.group, c.id, anybody)
		require.ErrorIs(t, err, redrive.ErrUnknown, c)
		_, err = s.Stop(t.Context(), c.group, c.id, anybody)
		require.ErrorIs(t, err, redrive.ErrUnknown, c)
	}
	status, err := w.service().Get(t.Context(), group, ended.ID, anybody)
	require.NoError(t, err)
	require.Equal(t, ended.Counts, status.Counts)
	dry := w.run(s, func(q *redrive.Request) { q.DryRun = true })
	_, err = w.service().Get(t.Context(), group, dry.ID, anybody)
	require.ErrorIs(t, err, redrive.ErrUnknown)
}
