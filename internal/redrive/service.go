package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/access"
	"sluice/internal/kafka"
)

const (
	// askPatience is how long a question of somebody who waits may take: one
	// that takes longer means that Kafka is away. A redrive is accepted or
	// refused within it.
	askPatience = 5 * time.Second
	// runPatience is how long a run waits for Kafka, such as for a broker that
	// is started again. It is shorter than transactionTimeout.
	runPatience = 40 * time.Second
	// remembered is how many redrives that have ended are kept in memory.
	remembered = 100
	// lists is how many lists are read at a time: each holds a few megabytes.
	lists = 4
	// maxUncompressed bounds what one batch of a topic may become in memory.
	maxUncompressed = 256 << 20
)

// Deps are what a Service needs.
type Deps struct {
	// Client says how to reach the cluster.
	Client []kgo.Opt
	// Create allows to make topics that are missing.
	Create bool
	// Log gets an audit line for each start and stop.
	Log *slog.Logger
}

// Service lists and redrives dead letters. A process runs at most one redrive
// of a group at a time, and Kafka sees to it that the same holds for all
// processes together. All methods may be called at any time from any goroutine.
type Service struct {
	deps     Deps
	patience time.Duration // of a run
	most     int           // letters in a batch

	ctx      context.Context // of all runs
	kill     context.CancelFunc
	runs     sync.WaitGroup
	starting chan struct{} // holds one token: one Start at a time
	listing  chan struct{} // as many tokens as lists

	mu     sync.Mutex
	closed bool
	known  map[string]*run // by id
	active map[string]*run // by group
	ended  []string        // the ids of those that have ended, the oldest first
}

// New makes a Service. It does nothing before it is asked to.
func New(d Deps) *Service {
	ctx, kill := context.WithCancel(context.Background())
	return &Service{
		deps: d, patience: runPatience, most: batchLetters,
		ctx: ctx, kill: kill,
		starting: make(chan struct{}, 1), listing: make(chan struct{}, lists),
		known: map[string]*run{}, active: map[string]*run{},
	}
}

// connect makes a client. The caller closes it.
func (s *Service) connect(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append(slices.Clone(s.deps.Client), kgo.MaxDecompressBatchBytes(maxUncompressed))
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return client, nil
}

// Start begins a redrive and returns its status. It goes on in the background,
// also when ctx ends; any other redrive of the group, on whatever replica, is
// taken over. The caller needs the right to operate on each topic.
//
// The errors are *InvalidError, *RunningError, *TopicsError, ErrNoLetters,
// ErrForbidden, ErrClosed, kafka.ErrAway within a few seconds, and what the
// cluster says.
func (s *Service) Start(ctx context.Context, q Request, caller Caller) (Redrive, error) {
	if err := q.validate(); err != nil {
		return Redrive{}, err
	}
	if q.Topic != "" && !caller.may(access.Operate, q.Topic) {
		return Redrive{}, fmt.Errorf("%w: this principal may not operate on topic %s", ErrForbidden, q.Topic)
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	select {
	case s.starting <- struct{}{}:
		defer func() { <-s.starting }()
	case <-ctx.Done():
		return Redrive{}, fmt.Errorf("%w: another redrive is waiting for it: %w", kafka.ErrAway, ctx.Err())
	}
	if err := s.refuse(q.Group, caller); err != nil {
		return Redrive{}, err
	}
	r, err := s.newRun(ctx, q, caller)
	if err != nil {
		return Redrive{}, err
	}
	status := r.snapshot()
	if !s.admit(r) {
		r.client.Close()
		return Redrive{}, ErrClosed
	}
	return status, nil
}

// refuse says why no redrive of the group can start now. Who has no right on
// the one that runs is not told that there is one.
func (s *Service) refuse(group string, caller Caller) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	r := s.active[group]
	if r == nil {
		return nil
	}
	status := r.snapshot()
	if err := permitted(status, access.Operate, caller); err != nil {
		return err
	}
	return &RunningError{Group: group, ID: status.ID}
}

// admit starts the run, unless the service was closed meanwhile.
func (s *Service) admit(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	id, group := r.snapshot().ID, r.request.Group
	s.known[id], s.active[group] = r, r
	ctx, stop := context.WithCancelCause(s.ctx)
	r.stop = stop
	s.runs.Go(func() {
		defer stop(nil)
		r.main(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.active, group)
		s.ended = append(s.ended, id)
		if len(s.ended) > remembered {
			delete(s.known, s.ended[0])
			s.ended = s.ended[1:]
		}
		close(r.done)
	})
	return true
}

// find returns a run of this process, or nil.
func (s *Service) find(group, id string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.known[id]; r != nil && r.request.Group == group {
		return r
	}
	return nil
}

// Get returns the status of a redrive, of this process or, from Kafka, of
// another one. The caller needs the right to read each of its topics. The
// errors are ErrUnknown, ErrForbidden, kafka.ErrAway and what the cluster says.
// A dry run is known to its own process only.
func (s *Service) Get(ctx context.Context, group, id string, caller Caller) (Redrive, error) {
	status, _, err := s.lookup(ctx, group, id)
	if err != nil {
		return Redrive{}, err
	}
	return status, permitted(status, access.Read, caller)
}

func permitted(r Redrive, right access.Right, caller Caller) error {
	for _, topic := range r.Topics {
		if !caller.may(right, topic) {
			return fmt.Errorf("%w: this principal has not the right on every topic of the redrive", ErrForbidden)
		}
	}
	return nil
}

// lookup returns a status, and the run where it is of this process.
func (s *Service) lookup(ctx context.Context, group, id string) (Redrive, *run, error) {
	if r := s.find(group, id); r != nil {
		return s.confirm(ctx, r.snapshot()), r, nil
	}
	status, err := s.recall(ctx, group, id)
	return status, nil, err
}

// Wait waits for the end of a redrive of this process, or for that of ctx, and
// returns its status then.
func (s *Service) Wait(ctx context.Context, group, id string) (Redrive, error) {
	r := s.find(group, id)
	if r == nil {
		return Redrive{}, fmt.Errorf("%w: %s of group %s is not of this process", ErrUnknown, id, group)
	}
	select {
	case <-r.done:
		return r.snapshot(), nil
	case <-ctx.Done():
		return r.snapshot(), ctx.Err()
	}
}

// Stop ends a redrive, on whatever replica it runs, between two batches, and
// returns its status; of one that has ended it changes nothing. One of this
// process is waited for until ctx ends. The caller needs the right to operate
// on each of its topics. The errors are those of Get and Start.
func (s *Service) Stop(ctx context.Context, group, id string, caller Caller) (Redrive, error) {
	status, r, err := s.lookup(ctx, group, id)
	if err != nil {
		return Redrive{}, err
	}
	if err := permitted(status, access.Operate, caller); err != nil {
		return Redrive{}, err
	}
	if status.State != Running {
		return status, nil
	}
	audit(ctx, s.deps.Log, "redrive is stopped", caller.Name, status)
	if r == nil {
		return s.stopElsewhere(ctx, status, caller)
	}
	r.stop(fmt.Errorf("%w by %s", errStopped, named(caller.Name)))
	status, err = s.Wait(ctx, group, id)
	if errors.Is(err, ctx.Err()) {
		return status, nil // It ends when its batch has.
	}
	return status, err
}

// Close stops all redrives between two batches and waits for them until ctx
// ends; then they are cut off, which loses nothing. It starts no more.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for _, r := range s.active {
		r.stop(fmt.Errorf("%w because its process ends", errStopped))
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.runs.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	s.kill()
	<-ended
	return ctx.Err()
}

// audit writes the line that says who has done what.
func audit(ctx context.Context, log *slog.Logger, message, principal string, r Redrive) {
	log.InfoContext(ctx, message, //nolint:sloglint // static-msg: each caller's is.
		slog.Bool("audit", true),
		slog.String("principal", named(principal)),
		slog.String("group", r.Group),
		slog.Any("topics", r.Topics),
		slog.String("redrive", r.ID),
		slog.Any("filters", filters(r.Request)),
	)
}

// filters are those of a request, as they may be logged: a key may be
// somebody's name.
func filters(q Request) slog.Value {
	var attrs []slog.Attr
	if !q.Since.IsZero() {
		attrs = append(attrs, slog.Time("since", q.Since))
	}
	if !q.Until.IsZero() {
		attrs = append(attrs, slog.Time("until", q.Until))
	}
	if q.Class != "" {
		attrs = append(attrs, slog.String("class", string(q.Class)))
	}
	attrs = append(attrs,
		slog.Bool("one_key", q.Key != nil),
		slog.Int64("limit", q.Limit), slog.Float64("rate", q.Rate),
		slog.Int("max_replays", q.MaxReplays), slog.Bool("dry_run", q.DryRun),
	)
	return slog.GroupValue(attrs...)
}

func named(principal string) string {
	if principal == "" {
		return "anybody"
	}
	return principal
}
