package consumer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/record"
)

var (
	schedules = flag.Int("schedules", 40, "how many random schedules to run")
	seed      = flag.Uint64("seed", 1, "the first random schedule")
)

// TestNothingIsLostWhateverHappens runs random schedules: members come, go,
// stall, and are cut off for longer than their session, handlers fail, panic,
// give records up and are slow, connections break, Kafka is away and answers
// errors, partitions are added. The settings are random, too: every order, any
// concurrency, with and without an end of attempts, a Transform and one with states.
//
// When it is over and all is well again, every record was handled at least once
// or is a dead letter; of a Transform, readers see each result exactly once, and
// no state was lost or used twice. At no time was an offset committed below which a record was neither, records that
// have to wait for each other did so, and every record that a member took over
// is in exactly one state.
func TestNothingIsLostWhateverHappens(t *testing.T) {
	all, began := &totals{steps: map[string]int{}}, time.Now()
	for n := range *schedules {
		seed := *seed + uint64(n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, 3, func(_ *testing.T, w *world) {
				s := newSchedule(w, seed)
				all.add(s, s.run())
			})
		})
	}
	if *report != "" && !t.Failed() {
		all.write(t, *report, time.Since(began))
	}
}

type schedule struct {
	*world
	rand       *rand.Rand
	config     consumer.Config
	transforms bool
	remembers  bool // a Transform with states
	model      *model
	partitions int32
	members    []*member
	faults     []interface{ Remove() }
	steps      []string

	mu     sync.Mutex // handlers draw from many goroutines
	temper *rand.Rand
	mood   float64 // how likely a handler is to misbehave
}

const made = "made" // what a Transform writes to

func newSchedule(w *world, seed uint64) *schedule {
	s := &schedule{world: w, rand: rand.New(rand.NewPCG(seed, 0)), temper: rand.New(rand.NewPCG(seed, 1)), partitions: 3}
	w.letters = map[place]time.Time{}
	w.limitRebalances()
	c := defaultConfig()
	c.Order = pick(s.rand, consumer.OrderPartition, consumer.OrderKey, consumer.OrderNone)
	c.Concurrency = pick(s.rand, 1, 3, 64)
	c.Retry = consumer.Retry{Attempts: pick(s.rand, -1, 1, 4), First: 100 * time.Millisecond, Max: 5 * time.Second}
	c.OnFailure = pick(s.rand, consumer.DeadLetter, consumer.DeadLetter, consumer.Stop)
	c.Timeout = pick(s.rand, 0, 300*time.Millisecond)
	if c.Timeout > 0 {
		c.Order = consumer.OrderNone // With one, the context is that of the attempt, and not the assignment's.
	}
	s.config, s.transforms = c, s.rand.IntN(3) == 0
	s.remembers = s.transforms && c.Order != consumer.OrderNone && s.rand.IntN(2) == 0
	s.model = newModel(w.t, c.Order)
	_, _, err := w.client.ProducerID(w.t.Context()) // While nothing fails.
	require.NoError(w.t, err)
	if s.transforms {
		_, err := kadm.NewClient(w.client).CreateTopic(w.t.Context(), 2, 1, nil, made)
		require.NoError(w.t, err)
	}
	s.steps = append(s.steps, fmt.Sprintf("order %s, concurrency %d, attempts %d, on failure %s, timeout %s, transform %t, states %t",
		c.Order, c.Concurrency, c.Retry.Attempts, c.OnFailure, c.Timeout, s.transforms, s.remembers))
	return s
}

func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// run runs it, and returns how many dead letters there are.
func (s *schedule) run() (dead int) {
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
		{"isolate", 1, s.isolate},
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
	if s.config.OnFailure == consumer.Stop || s.remembers { // What has stopped goes on elsewhere.
		for len(s.members) > 0 {
			s.leave()
		}
	}
	if len(s.members) == 0 {
		s.enter()
	}
	s.eventually("all committed", func() bool {
		for p := range s.partitions {
			if end := s.seen.end(p); end > 0 && s.committed(p) < end {
				return false
			}
		}
		return true
	})
	for _, m := range s.members {
		require.NoError(s.t, m.stop())
		m.addsUp()
	}
	s.pass(time.Minute) // For handlers that were deaf.
	return s.check()
}

// check looks at everything that can be known only at the end, and returns how
// many dead letters there are.
func (s *schedule) check() int {
	letters := s.deadLetters()
	if s.config.OnFailure == consumer.Stop {
		require.Empty(s.t, letters)
	}
	s.checkCommits(letters)
	for p := range s.partitions {
		for _, o := range s.seen.missingBelow(p, s.seen.end(p)) {
			require.Contains(s.t, letters, place{p, o}, "neither handled nor a dead letter")
		}
	}
	if s.transforms {
		s.checkResults(letters)
	}
	return len(letters)
}

// checkResults compares what readers of committed records see with what went
// in: each result once, and of a dead letter at most once.
func (s *schedule) checkResults(letters map[place]time.Time) {
	results, counts := map[string]int{}, map[string][]int{}
	for _, r := range s.read(made) {
		results[string(r.Value)]++
		for _, h := range r.Headers {
			n, err := strconv.Atoi(string(h.Value))
			require.NoError(s.t, err)
			counts[h.Key] = append(counts[h.Key], n)
		}
	}
	for key, all := range counts {
		slices.Sort(all)
		for i, n := range all {
			require.Equal(s.t, i+1, n, "the state of %s was lost, or used twice: %v", key, all)
		}
	}
	for p, offsets := range s.seen.expected {
		for o := range offsets {
			name := fmt.Sprintf("%d/%d", p, o)
			_, dead := letters[place{p, o}]
			if n := results[name]; n > 1 || n == 0 && !dead {
				s.t.Errorf("the result of %s is there %d times", name, n)
			}
		}
	}
}

func (s *schedule) write() {
	partition := s.rand.Int32N(s.partitions)
	for _, value := range numbered("r", 0, 1+s.rand.IntN(30)) {
		s.produceKey(partition, fmt.Sprint(s.rand.IntN(4)), value)
	}
}

func (s *schedule) enter() {
	if len(s.members) < 3 {
		s.members = append(s.members, s.joinWith(s.config, s.handler()))
	}
}

func (s *schedule) handler() consumer.Handler {
	work := s.model.watch(s.seen.record(s.work))
	switch {
	case !s.transforms:
		return work
	case s.remembers:
		return consumer.Stateful{Table: counts, Open: func(partition int32) consumer.State {
			return &sharedCounter{counter: counter{partition: partition, seen: map[string]int{}}, work: work}
		}}
	}
	return consumer.Transform(func(ctx context.Context, r *record.Record) ([]record.Record, error) {
		if err := work(ctx, r); err != nil {
			return nil, err
		}
		return []record.Record{{Topic: made, Key: r.Key, Value: fmt.Appendf(nil, "%d/%d", r.Partition, r.Offset)}}, nil
	})
}

// sharedCounter is a counter for many goroutines.
type sharedCounter struct {
	mu sync.Mutex
	counter
	work consumer.HandlerFunc
}

func (c *sharedCounter) Handle(ctx context.Context, r *record.Record) ([]record.Record, error) {
	if err := c.work(ctx, r); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	results, err := c.counter.Handle(ctx, r)
	n := results[0].Value
	results[1].Value = fmt.Appendf(nil, "%d/%d", r.Partition, r.Offset)
	results[1].Headers = []record.Header{{Key: fmt.Sprintf("%d/%s", r.Partition, r.Key), Value: n}}
	return results, err
}

// isolate cuts a member off for a while, which may be longer than its session.
func (s *schedule) isolate() {
	if len(s.members) > 0 {
		m := pick(s.rand, s.members...)
		m.cable.cut(true)
		s.pass(time.Duration(s.rand.IntN(90)) * time.Second)
		m.cable.cut(false)
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
	fault := kfake.Fault{Err: err, Count: 1 + s.rand.IntN(10)}
	if s.rand.IntN(3) == 0 {
		key = s.breakWrites(&fault)
	}
	fault.Keys = []kmsg.Key{key}
	s.steps = append(s.steps, fmt.Sprintf("  %s answers %s", key.Name(), fault.Err.Message))
	s.faults = append(s.faults, s.cluster.Fault(fault))
}

// breakWrites makes it a fault of what members write.
func (s *schedule) breakWrites(f *kfake.Fault) kmsg.Key {
	errs := map[kmsg.Key][]*kerr.Error{
		kmsg.Produce: {
			kerr.NotLeaderForPartition, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.UnknownServerError,
			kerr.UnknownTopicOrPartition, kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch,
		},
		kmsg.CreateTopics:   {kerr.NotController, kerr.TopicAuthorizationFailed, kerr.UnknownServerError},
		kmsg.InitProducerID: {kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.ConcurrentTransactions},
	}
	key := pick(s.rand, kmsg.Produce, kmsg.Produce, kmsg.InitProducerID, kmsg.CreateTopics,
		kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn)
	if key == kmsg.Produce {
		f.Topic = pick(s.rand, made, dlq)
	}
	if list, ok := errs[key]; ok {
		f.Err = pick(s.rand, list...)
	} else {
		f.Err = pick(s.rand, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.UnknownServerError,
			kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions, kerr.InvalidTxnState)
	}
	return key
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
		admin := kadm.NewClient(s.client)
		_, err := admin.CreatePartitions(s.t.Context(), 1, topic)
		require.NoError(s.t, err)
		if s.remembers && s.cluster.TopicInfo(counts) != nil {
			_, err = admin.UpdatePartitions(s.t.Context(), int(s.partitions), counts)
			require.NoError(s.t, err)
		}
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
	case what < 0.55:
		panic("moody")
	case what < 0.6:
		return consumer.Permanent(errors.New("moody"))
	case what < 0.7:
		return consumer.Hold(errors.New("moody"), 200*time.Millisecond)
	case what < 0.72: // Longer than a revoke waits, and deaf.
		time.Sleep(20 * time.Second) // Fake time.
	}
	return nil
}
