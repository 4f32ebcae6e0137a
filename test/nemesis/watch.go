//go:build unix

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/test/harm"
)

const (
	pollEvery   = time.Second
	pollTimeout = 3 * time.Second
)

// watch asks what the group has committed, every second and when told to. One
// goroutine polls at a time.
type watch struct {
	client       *kgo.Client
	admin        *kadm.Client
	topic, group string
	kick         chan struct{}
	seen         bool // the dead-letter topic

	mu     sync.Mutex
	polls  []poll
	missed int // polls that had no answer
}

func newWatch(client *kgo.Client, topic, group string) *watch {
	return &watch{client: client, admin: kadm.NewClient(client), topic: topic, group: group, kick: make(chan struct{}, 1)}
}

// run polls until ctx ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.kick:
		}
		// A Kafka that is away is not worth a word: it is away on purpose.
		_ = w.poll(ctx)
	}
}

// soon asks for a poll now.
func (w *watch) soon() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// poll asks once.
func (w *watch) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	p, err := w.ask(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.missed++
		return err
	}
	w.polls = append(w.polls, p)
	return nil
}

func (w *watch) ask(ctx context.Context) (poll, error) {
	offsets, err := w.admin.FetchOffsets(ctx, w.group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // A group that has not begun.
		return poll{}, err
	}
	p := poll{at: harm.Now(), committed: map[int32]int64{}}
	for id, o := range offsets[w.topic] {
		if o.Err == nil && o.At >= 0 {
			p.committed[id] = o.At
		}
	}
	p.dead = w.deadEnds(ctx)
	return p, nil
}

// deadEnds returns the ends of the dead-letter topic, or nil where they cannot
// be had. A topic that does not exist yet has none; one that has been there is
// not believed to be gone, which a broker that has just started may say.
func (w *watch) deadEnds(ctx context.Context) map[int32]int64 {
	name := deadletter.Topic(w.topic, w.group)
	// The client remembers for seconds that there was none.
	w.client.PurgeTopicsFromClient(name)
	listed, err := w.admin.ListEndOffsets(ctx, name)
	if err != nil {
		return nil
	}
	ends := map[int32]int64{}
	for _, o := range listed[name] {
		switch {
		case errors.Is(o.Err, kerr.UnknownTopicOrPartition) && !w.seen:
			return ends
		case o.Err != nil:
			return nil
		}
		ends[o.Partition] = o.Offset
	}
	w.seen = w.seen || len(ends) > 0
	return ends
}

// committed returns the latest answer.
func (w *watch) committed() map[int32]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.polls) == 0 {
		return nil
	}
	return w.polls[len(w.polls)-1].committed
}

func (w *watch) result() (polls []poll, missed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.polls, w.missed
}

// reached reports whether the committed offsets have reached the needed ones.
func reached(committed, need map[int32]int64) bool {
	for id, offset := range need {
		if committed[id] < offset {
			return false
		}
	}
	return true
}
