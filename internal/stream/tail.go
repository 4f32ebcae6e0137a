package stream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

const (
	// fetchWait is how long Kafka may wait for records.
	fetchWait = time.Second
	// surveyEvery is how often the topic is looked at: its id, its partitions
	// and their leaders.
	surveyEvery = 2 * time.Second
	// missedSurveys is how often a topic is not there until it is believed to
	// be deleted: a broker that has just started may not know it yet.
	missedSurveys = 3
	// patience is the pause after something that did not work.
	patience = 250 * time.Millisecond
)

// tail reads a topic from Kafka into its ring: every partition, assigned by
// ourselves, from its end on when the tail starts, and from its beginning where
// the partition is seen later. It has a client of its own, so that a topic that
// Kafka answers slowly delays no other.
type tail struct {
	topic  string
	client *kgo.Client
	ring   *ring
	log    *slog.Logger
	kick   chan struct{}

	// begun is closed when there is a position in each partition, or the topic
	// is known not to exist; failed is then set.
	begun  chan struct{}
	failed error

	mu     sync.Mutex
	layout layout // as followed now

	// Of the goroutine of run alone.
	missed int
	crew   sync.WaitGroup
	rest   context.CancelFunc // ends the crew; nil where there is none
}

func newTail(topic string, client *kgo.Client, r *ring, log *slog.Logger) *tail {
	return &tail{
		topic: topic, client: client, ring: r, log: log.With(slog.String("topic", topic)),
		kick: make(chan struct{}, 1), begun: make(chan struct{}),
	}
}

// run reads until ctx ends, or until it is clear that there is no such topic.
func (t *tail) run(ctx context.Context) {
	defer t.client.Close()
	defer t.dismiss()
	for {
		wait := surveyEvery
		if !t.survey(ctx) {
			wait = patience
		}
		if t.failed != nil {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-t.kick:
			timer.Stop()
		}
	}
}

// soon asks for a survey now.
func (t *tail) soon() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// leader returns where a partition is read, or -1.
func (t *tail) leader(partition int32) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if int(partition) >= len(t.layout.leaders) {
		return -1
	}
	return t.layout.leaders[partition]
}

// survey looks at the topic and follows what has changed. It reports false
// where it should be looked at again soon.
func (t *tail) survey(ctx context.Context) bool {
	l, err := lookup(ctx, t.client, t.topic)
	switch {
	case errors.Is(err, errNoTopic):
		if t.missed++; t.missed < missedSurveys {
			return false
		}
		if !t.hasBegun() {
			t.failed = ErrUnknownTopic
			close(t.begun)
		} else if t.missed == missedSurveys {
			t.log.WarnContext(ctx, "the topic is deleted")
			t.dismiss()
			t.ring.vanish()
		}
		return true
	case err != nil:
		return t.hasBegun()
	}
	back := t.missed >= missedSurveys
	t.missed = 0
	if err := t.follow(ctx, l, back); err != nil {
		if ctx.Err() == nil {
			t.log.DebugContext(ctx, "the topic cannot be followed yet", slog.Any("error", err))
		}
		return false
	}
	return true
}

func (t *tail) hasBegun() bool {
	select {
	case <-t.begun:
		return true
	default:
		return false
	}
}

// follow takes over what is new: the topic itself, partitions, leaders.
func (t *tail) follow(ctx context.Context, l layout, back bool) error {
	t.mu.Lock()
	old := t.layout
	t.mu.Unlock()
	switch {
	case !t.hasBegun():
		if err := t.begin(ctx, l, false); err != nil {
			return err
		}
		close(t.begun)
	case back, l.id != old.id, len(l.leaders) < len(old.leaders):
		t.log.WarnContext(ctx, "the topic was made anew; it is read from its beginning")
		t.dismiss()
		if err := t.begin(ctx, l, true); err != nil {
			return err
		}
	case len(l.leaders) > len(old.leaders):
		added := l.all()[len(old.leaders):]
		starts, err := offsets(ctx, t.client, t.topic, added, atStart, false)
		if err != nil {
			return err
		}
		for _, p := range added {
			t.ring.grow(bounds{start: starts[p], stable: starts[p], high: starts[p]})
		}
		t.log.InfoContext(ctx, "partitions were added", slog.Int("partitions", len(l.leaders)))
	case slices.Equal(l.leaders, old.leaders):
		return nil
	}
	t.dismiss()
	t.mu.Lock()
	t.layout = l
	t.mu.Unlock()
	t.hire(ctx, l)
	return nil
}

// begin finds the position in each partition: the end of what is committed, or
// the beginning.
func (t *tail) begin(ctx context.Context, l layout, fromStart bool) error {
	starts, err := offsets(ctx, t.client, t.topic, l.all(), atStart, false)
	if err != nil {
		return err
	}
	ends, err := offsets(ctx, t.client, t.topic, l.all(), atEnd, true)
	if err != nil {
		return err
	}
	at, next := make([]bounds, len(l.leaders)), make([]int64, len(l.leaders))
	for i, p := range l.all() {
		at[i] = bounds{start: starts[p], stable: ends[p], high: ends[p]}
		next[i] = ends[p]
		if fromStart {
			next[i] = starts[p]
		}
	}
	t.ring.begin(l.id, at, next)
	return nil
}

// hire starts a worker for each leader.
func (t *tail) hire(ctx context.Context, l layout) {
	ctx, t.rest = context.WithCancel(ctx)
	next := t.ring.look(0, 0).next
	byLeader := map[int32][]kafka.Place{}
	for p, leader := range l.leaders {
		if leader >= 0 {
			byLeader[leader] = append(byLeader[leader], kafka.Place{Partition: int32(p), Next: next[p]})
		}
	}
	for leader, sources := range byLeader {
		w := &worker{tail: t, leader: leader, sources: sources, unread: map[int32]int{}}
		t.crew.Go(func() { w.run(ctx) })
	}
}

// dismiss ends the workers and waits for them.
func (t *tail) dismiss() {
	if t.rest != nil {
		t.rest()
		t.crew.Wait()
		t.rest = nil
	}
}

// worker reads the partitions of a tail that one broker leads.
type worker struct {
	*tail
	leader  int32
	sources []kafka.Place
	unread  map[int32]int // how often a batch at the position could not be read
}

// triesUnread is how often a batch is fetched until it is left out.
const triesUnread = 3

func (w *worker) run(ctx context.Context) {
	lay := w.ring.look(0, 0)
	for ctx.Err() == nil {
		got, err := kafka.Fetch(ctx, w.client, w.topic, lay.id, w.leader, w.sources, fetchWait)
		if err != nil {
			w.pause(ctx)
			continue
		}
		var parts []part
		well := len(got) > 0
		for _, f := range got {
			p, err := w.take(ctx, f)
			if err != nil {
				well = false
				continue
			}
			parts = append(parts, p)
		}
		if ctx.Err() != nil {
			return // The partitions may be another's by now.
		}
		w.ring.append(parts, time.Now())
		if !well {
			w.pause(ctx)
		}
		// Kafka fills its answer in the order of the question.
		w.sources = append(w.sources[1:len(w.sources):len(w.sources)], w.sources[0])
	}
}

// take makes of an answer what the ring gets, and moves on.
func (w *worker) take(ctx context.Context, f kafka.Fetched) (part, error) {
	i := slices.IndexFunc(w.sources, func(s kafka.Place) bool { return s.Partition == f.Partition })
	s := &w.sources[i]
	switch {
	case f.Err == nil:
		delete(w.unread, f.Partition)
	case errors.Is(f.Err, kerr.OffsetOutOfRange):
		outside, err := w.outOfRange(ctx, w.client, f.Partition, s.Next)
		if err != nil || outside == nil {
			return part{}, f.Err
		}
		w.log.WarnContext(ctx, "the tail was behind the log", slog.Any("partition", f.Partition), slog.String("reason", outside.gap.Reason))
		s.Next = *outside.gap.To
		return part{partition: f.Partition, gap: &outside.gap, next: s.Next, bounds: outside.bounds}, nil
	case errors.Is(f.Err, kafka.ErrUnreadable):
		if w.unread[f.Partition]++; w.unread[f.Partition] < triesUnread || f.Behind <= s.Next {
			return part{}, f.Err
		}
		w.log.ErrorContext(ctx, "a batch cannot be read and is left out", slog.Any("partition", f.Partition), slog.Int64("offset", s.Next), slog.Any("error", f.Err))
		delete(w.unread, f.Partition)
		gap := partitionGap(w.topic, f.Partition, s.Next, f.Behind, Unreadable)
		s.Next = f.Behind
		return part{partition: f.Partition, gap: &gap, next: s.Next, bounds: boundsOf(f)}, nil
	default:
		return part{}, f.Err
	}
	s.Next = f.Next
	return part{partition: f.Partition, records: copyRecords(f.Records), next: s.Next, bounds: boundsOf(f)}, nil
}

// outside is a position that is not in the log.
type outside struct {
	gap    Gap
	bounds bounds
}

func (o *outside) Error() string { return "the position is not in the log" }

// outOfRange finds out where a position outside of the log goes on, or nil where
// it is inside.
func (t *tail) outOfRange(ctx context.Context, client *kgo.Client, partition int32, next int64) (*outside, error) {
	only := []int32{partition}
	starts, err := offsets(ctx, client, t.topic, only, atStart, false)
	if err != nil {
		return nil, err
	}
	ends, err := offsets(ctx, client, t.topic, only, atEnd, true)
	if err != nil {
		return nil, err
	}
	highs, err := offsets(ctx, client, t.topic, only, atEnd, false)
	if err != nil {
		return nil, err
	}
	b := bounds{start: starts[partition], stable: ends[partition], high: highs[partition]}
	switch {
	case next < b.start:
		return &outside{partitionGap(t.topic, partition, next, b.start, Expired), b}, nil
	case next > b.high:
		return &outside{partitionGap(t.topic, partition, next, b.stable, Truncated), b}, nil
	}
	return nil, nil
}

// pause waits a moment after something that did not work, and has the topic
// looked at.
func (t *tail) pause(ctx context.Context) {
	t.soon()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
