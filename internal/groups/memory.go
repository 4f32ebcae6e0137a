package groups

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"sluice/internal/kafka"
)

const (
	// memoryTime is how long an answer of Kafka is given again.
	memoryTime = time.Second
	// patience is how long Kafka may take, and a request waits for it.
	patience = 3 * time.Second
	// maxAnswers bounds what is remembered: names that do not exist, too.
	maxAnswers = 1000
)

// memory are answers to questions about groups. However many clients ask about
// a group, Kafka is asked once at a time, and not again within a second.
type memory struct {
	inspector *Inspector
	flight    singleflight.Group

	mu    sync.Mutex
	known map[string]answer // by group
}

type answer struct {
	group *Group
	err   error
	at    time.Time
}

// inspect is Inspector.Inspect, from memory where that is fresh. The same group
// must always be asked for with the same question. What it returns is shared
// and must not be changed.
func (m *memory) inspect(ctx context.Context, q Question) (*Group, error) {
	if known, ok := m.recall(q.Group); ok {
		return known.group, known.err
	}
	flight := m.flight.DoChan(q.Group, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		group, err := m.inspector.Inspect(ctx, q)
		m.remember(q.Group, answer{group, err, time.Now()})
		return group, err
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("%w: no answer about group %s within %s", kafka.ErrAway, q.Group, patience)
	case answer := <-flight:
		group, _ := answer.Val.(*Group)
		return group, answer.Err
	}
}

func (m *memory) recall(group string) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[group]
	return known, ok && time.Since(known.at) < memoryTime
}

// remember keeps what Kafka has said, but not that it said nothing.
func (m *memory) remember(group string, a answer) {
	if errors.Is(a.err, kafka.ErrAway) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxAnswers {
		m.known = map[string]answer{}
	}
	m.known[group] = a
}
