package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// keepTail is how long a tail goes on when nobody watches any more.
	keepTail = 60 * time.Second
	// beginPatience is how long a client waits for Kafka when it is the first
	// of a topic.
	beginPatience = 3 * time.Second
	// spread is over how long the goodbyes are spread at most when this replica
	// stops, and goodbyes is for how long at least for each of them.
	spread   = 8 * time.Second
	goodbyes = 8 * time.Millisecond
	// lastWords is what is left of a drain when clients that do not read are
	// cut off.
	lastWords = 700 * time.Millisecond
)

// What Open answers, beside a *Bye.
var (
	// ErrUnknownTopic means that Kafka has no such topic.
	ErrUnknownTopic = errors.New("no such topic")
	// ErrTooMany means that a stream would have more topics or partitions than
	// a cursor can hold.
	ErrTooMany = fmt.Errorf("a stream can have at most %d topics with at most %d partitions in all", maxTopics, MaxPartitions)
)

// Deps are what a Hub needs.
type Deps struct {
	// Client are the options of the Kafka clients that it makes.
	Client  []kgo.Opt
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Hub is the fan-out plane of one replica: its tails, and what they share. All
// methods may be called at any time from any goroutine.
type Hub struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	room    room
	blocks  *blocks
	replays replays

	on   context.Context //nolint:containedctx // The tails outlive the requests that begin them.
	end  context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	tails    map[string]*watched
	clients  int
	feeds    map[*Feed]struct{} // those that were opened
	draining chan struct{}      // closed when this replica stops
	spread   time.Duration      // of the goodbyes
	empty    chan struct{}      // closed when it is draining and nobody is left
}

// watched is a tail, how many watch it, and what ends it when nobody does.
type watched struct {
	*tail
	watchers int
	stop     context.CancelFunc
	idle     *time.Timer
}

// New makes a Hub. It connects when somebody watches.
func New(cfg Config, deps Deps) (*Hub, error) {
	client, err := kgo.NewClient(deps.Client...)
	if err != nil {
		return nil, err
	}
	h := &Hub{
		cfg: cfg, deps: deps,
		room:     room{ring: int(cfg.Ring), all: int(cfg.Memory)},
		replays:  replays{most: cfg.Replay.Clients, count: map[string]int{}},
		tails:    map[string]*watched{},
		feeds:    map[*Feed]struct{}{},
		draining: make(chan struct{}), empty: make(chan struct{}),
	}
	h.on, h.end = context.WithCancel(context.Background())
	h.metrics = newMetrics(deps.Metrics, h)
	h.blocks = newBlocks(h.on, client, h.metrics.reads.Inc)
	return h, nil
}

// Drain has every stream end, spread over some seconds so that the clients do
// not all come to the other replicas at once, and waits until they have ended
// or ctx has. Clients that do not read are cut off shortly before that.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	select {
	case <-h.draining:
	default:
		h.spread = min(spread, time.Duration(h.clients)*goodbyes)
		close(h.draining)
		if h.clients == 0 {
			close(h.empty)
		}
	}
	h.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		cut := time.AfterFunc(time.Until(deadline)-lastWords, h.cut)
		defer cut.Stop()
	}
	select {
	case <-h.empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("streams have not ended: %w", ctx.Err())
	}
}

// cut ends the streams of clients that do not read.
func (h *Hub) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.feeds {
		if sink := f.about.sink.Load(); sink != nil {
			(*sink).Cut()
		}
	}
}

// Close ends the tails and the connections to Kafka.
func (h *Hub) Close() {
	h.end()
	h.mu.Lock()
	for _, w := range h.tails {
		w.idle.Stop()
	}
	h.mu.Unlock()
	h.work.Wait()
	h.blocks.work.Wait()
	h.blocks.client.Close()
}

// goodbye returns when a stream is to end.
func (h *Hub) goodbye() <-chan time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return within(h.spread)
}

// enter counts a client.
func (h *Hub) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.draining:
		return &Bye{ByeDrain}
	case <-h.on.Done():
		return &Bye{ByeDrain}
	default:
	}
	if h.cfg.Clients > 0 && h.clients >= h.cfg.Clients {
		return &Bye{ByeOverload}
	}
	h.clients++
	return nil
}

func (h *Hub) left(f *Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.feeds, f)
	if h.clients--; h.clients > 0 {
		return
	}
	select {
	case <-h.draining:
		close(h.empty)
	default:
	}
}

// acquire returns the tail of a topic, once it has begun. It is released once.
func (h *Hub) acquire(ctx context.Context, topic string) (*watched, error) {
	if err := h.exists(ctx, topic); err != nil {
		return nil, err
	}
	w, err := h.watch(topic)
	if err != nil {
		return nil, err
	}
	patience := time.NewTimer(beginPatience)
	defer patience.Stop()
	select {
	case <-w.begun:
		err = w.failed
	case <-patience.C:
		err = &Bye{ByeKafkaAway}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		h.release(w)
		return nil, err
	}
	return w, nil
}

// exists asks for a topic that nobody watches, so that a name that somebody has
// made up costs a question and not a tail.
func (h *Hub) exists(ctx context.Context, topic string) error {
	h.mu.Lock()
	watched := h.tails[topic] != nil
	h.mu.Unlock()
	if watched {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, beginPatience, &Bye{ByeKafkaAway})
	defer cancel()
	for tries := 1; ; tries++ {
		_, err := lookup(ctx, h.blocks.client, topic)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNoTopic) && tries >= missedSurveys:
			return ErrUnknownTopic
		}
		timer := time.NewTimer(patience)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// watch counts a watcher of a topic, and starts its tail for the first.
func (h *Hub) watch(topic string) (*watched, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.tails[topic]
	if w == nil || w.hasBegun() && w.failed != nil { // The topic may be there by now.
		if h.room.full() {
			return nil, &Bye{ByeOverload}
		}
		client, err := kgo.NewClient(h.deps.Client...)
		if err != nil {
			return nil, err
		}
		w = &watched{tail: newTail(topic, client, newRing(topic, &h.room), h.deps.Log)}
		ctx, stop := context.WithCancel(h.on)
		w.stop = stop
		w.idle = time.AfterFunc(keepTail, func() { h.forget(w, false) })
		h.tails[topic] = w
		h.work.Go(func() {
			w.run(ctx)
			h.forget(w, true)
		})
	}
	w.watchers++
	w.idle.Stop()
	return w, nil
}

func (h *Hub) release(w *watched) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.watchers--; w.watchers == 0 && h.tails[w.topic] == w {
		w.idle.Reset(keepTail)
	}
}

// forget ends a tail that nobody watches, or that has ended by itself, so that
// the next one who asks begins a new one.
func (h *Hub) forget(w *watched, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tails[w.topic] != w || w.watchers > 0 && !ended {
		return
	}
	w.stop()
	w.idle.Stop()
	delete(h.tails, w.topic)
	w.ring.clear()
}
