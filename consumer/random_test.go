package consumer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/record"
)

var (
	schedules = flag.Int("schedules", 40, "how many random schedules to run")
	seed      = flag.Uint64("seed", 1, "the first random schedule")
)

// TestNothingIsLostWhateverHappens runs random schedules: members come, go and
// stall, handlers fail, panic and are slow, connections break, Kafka is away
// and answers errors, partitions are added. When it is over and all is well
// again, every record was handled at least once. At no time was an offset
// committed below which one was not, and every record that a member took over
// is in exactly one state.
func TestNothingIsLostWhateverHappens(t *testing.T) {
	for n := range *schedules {
		seed := *seed + uint64(n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, 3, func(_ *testing.T, w *world) {
				s := &schedule{world: w, rand: rand.New(rand.NewPCG(seed, 0)), temper: rand.New(rand.NewPCG(seed, 1)), partitions: 3}
				s.run()
			})
		})
	}
}

type schedule struct {
	*world
	rand       *rand.Rand
	partitions int32
	members    []*member
	faults     []interface{ Remove() }
	steps      []string

	mu     sync.Mutex // handlers draw from many goroutines
	temper *rand.Rand
	mood   float64 // how likely a handler is to misbehave
}

func (s *schedule) run() {
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Log(strings.Join(s.steps, "\n"))
		}
	})
	s.enter()
	steps := []struct {
		name string
		odds int
		run  func()
	}{
		{"produce", 10, s.write},
		{"join", 2, s.enter},
		{"leave", 2, s.leave},
		{"cut", 2, func() { s.cut(false) }},
		{"away", 1, s.outage},
		{"fault", 4, s.break_},
		{"mend", 2, s.mend},
		{"mood", 2, s.sulk},
		{"grow", 1, s.grow},
		{"wait", 8, func() { s.pass(time.Duration(s.rand.IntN(8000)) * time.Millisecond) }},
	}
	var hat []int
	for i, step := range steps {
		for range step.odds {
			hat = append(hat, i)
		}
	}
	for range 60 {
		step := steps[hat[s.rand.IntN(len(hat))]]
		s.steps = append(s.steps, fmt.Sprint(time.Now().Format("04:05.000"), " ", step.name))
		step.run()
		for _, m := range s.members {
			m.addsUp()
		}
	}
	s.mend()
	s.setMood(0)
	if len(s.members) == 0 {
		s.enter()
	}
	s.eventually("all handled", s.seen.all)
	for p := range s.partitions {
		s.eventually("all committed", func() bool { return len(s.seen.of(p)) == 0 || s.committed(p) == s.seen.end(p) })
	}
	for _, m := range s.members {
		require.NoError(s.t, m.stop())
		m.addsUp()
	}
	s.pass(time.Minute) // For handlers that were deaf.
}

func (s *schedule) write() {
	s.produce(s.rand.Int32N(s.partitions), numbered("r", 0, 1+s.rand.IntN(30))...)
}

func (s *schedule) enter() {
	if len(s.members) < 3 {
		s.members = append(s.members, s.join(s.work))
	}
}

// leave ends a member while no request fails. kfake never expires a member that
// goes without leaving while it joins, as Kafka does after its session, and
// lets the group wait for it for ever.
func (s *schedule) leave() {
	if len(s.members) == 0 {
		return
	}
	s.mend()
	i := s.rand.IntN(len(s.members))
	m := s.members[i]
	s.members = append(s.members[:i], s.members[i+1:]...)
	_ = m.stop() // A handler may be busy.
	m.addsUp()
}

// outage is shorter or longer than a session. Producing would wait for its end.
func (s *schedule) outage() {
	s.cut(true)
	s.pass(time.Duration(s.rand.IntN(90)) * time.Second)
	s.cut(false)
}

// break_ makes requests fail, but those to leave; see leave.
func (s *schedule) break_() {
	keys := []kmsg.Key{kmsg.OffsetCommit, kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.ListOffsets, kmsg.Fetch, kmsg.FindCoordinator}
	errs := []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.RequestTimedOut, kerr.GroupAuthorizationFailed}
	key, err := keys[s.rand.IntN(len(keys))], errs[s.rand.IntN(len(errs))]
	switch {
	case key == kmsg.Heartbeat && s.rand.IntN(2) == 0:
		err = []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress}[s.rand.IntN(3)]
	case key == kmsg.Fetch && s.rand.IntN(2) == 0:
		err = []*kerr.Error{kerr.UnknownTopicID, kerr.NotLeaderForPartition}[s.rand.IntN(2)]
	}
	s.steps = append(s.steps, fmt.Sprintf("  %s answers %s", key.Name(), err.Message))
	s.faults = append(s.faults, s.fault(key, err, 1+s.rand.IntN(10)))
}

func (s *schedule) mend() {
	for _, f := range s.faults {
		f.Remove()
	}
	s.faults = nil
}

func (s *schedule) grow() {
	if s.partitions < 6 {
		s.partitions++
		_, err := kadm.NewClient(s.client).CreatePartitions(s.t.Context(), 1, topic)
		require.NoError(s.t, err)
		// A client reads the metadata of a topic again when it writes to it.
		s.client.PurgeTopicsFromProducing(topic)
	}
}

func (s *schedule) sulk() { s.setMood(float64(s.rand.IntN(3)) * 0.1) }

func (s *schedule) setMood(mood float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = mood
}

// draw returns what a handler does and how long it takes.
func (s *schedule) draw() (float64, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mood == 0 {
		return 1, 0
	}
	return s.temper.Float64() / s.mood, time.Duration(s.temper.IntN(500)) * time.Millisecond
}

func (s *schedule) work(ctx context.Context, _ *record.Record) error {
	what, took := s.draw()
	if err := slowly(took)(ctx, nil); err != nil {
		return err
	}
	switch {
	case what < 0.5:
		return errors.New("moody")
	case what < 0.7:
		panic("moody")
	case what < 0.72: // Longer than a revoke waits, and deaf.
		time.Sleep(20 * time.Second) // Fake time.
	}
	return nil
}
