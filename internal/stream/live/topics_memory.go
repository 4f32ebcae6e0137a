package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/singleflight"

	"sluice/internal/kafka"
	"sluice/record"
)

const (
	// topicTime is how long an answer of Kafka about its topics is given again.
	topicTime = time.Second
	// topicPatience is how long Kafka may take, and a request waits for it.
	topicPatience = 3 * time.Second
)

// topicMemory is Kafka's answer about its topics. However many clients ask,
// Kafka is asked once at a time, and not again within a second.
type topicMemory struct {
	ask    func(context.Context) ([]ReadableTopic, error)
	flight singleflight.Group

	mu    sync.Mutex
	known []ReadableTopic
	at    time.Time
}

// list returns the topics that may be streamed at all, by name. What it returns
// is shared and must not be changed. The error is kafka.ErrAway, Kafka's own,
// or ctx's.
func (m *topicMemory) list(ctx context.Context) ([]ReadableTopic, error) {
	if known, ok := m.recall(); ok {
		return known, nil
	}
	flight := m.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), topicPatience)
		defer cancel()
		topics, err := m.ask(ctx)
		if err == nil {
			m.mu.Lock()
			m.known, m.at = topics, time.Now()
			m.mu.Unlock()
		}
		return topics, err
	})
	timer := time.NewTimer(topicPatience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("%w: no answer about topics within %s", kafka.ErrAway, topicPatience)
	case answer := <-flight:
		topics, _ := answer.Val.([]ReadableTopic)
		return topics, answer.Err
	}
}

func (m *topicMemory) recall() ([]ReadableTopic, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known, !m.at.IsZero() && time.Since(m.at) < topicTime
}

// topicAsker asks Kafka about the topics that may be streamed.
type topicAsker struct {
	admin  *kadm.Client
	policy Policy
}

func (a topicAsker) ask(ctx context.Context) ([]ReadableTopic, error) {
	details, err := a.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, refusedOrAway(err)
	}
	topics := []ReadableTopic{}
	var names []string
	for _, t := range details.Sorted() {
		if errors.Is(t.Err, kerr.UnknownTopicOrPartition) || len(t.Partitions) == 0 || !a.policy.Allows(t.Topic) {
			continue
		}
		topics = append(topics, ReadableTopic{Name: t.Topic, TopicID: record.TopicID(t.ID).String(), Partitions: make([]ReadablePartition, len(t.Partitions))})
		names = append(names, t.Topic)
	}
	if len(names) == 0 {
		return topics, nil
	}
	offsets, err := a.offsets(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range topics {
		t := &topics[i]
		for p := range t.Partitions {
			number := int32(p)
			t.Partitions[p] = ReadablePartition{
				Partition: number, Start: offsets.start.of(t.Name, number), End: offsets.stable.of(t.Name, number), HighWatermark: offsets.high.of(t.Name, number),
			}
		}
	}
	return topics, nil
}

// ends are the offsets of topics, as far as they are known.
type ends struct{ start, stable, high listed }

type listed kadm.ListedOffsets

func (l listed) of(topic string, partition int32) *int64 {
	o, ok := kadm.ListedOffsets(l).Lookup(topic, partition)
	if !ok || o.Err != nil || o.Offset < 0 {
		return nil
	}
	return &o.Offset
}

// offsets asks for all three at once.
func (a topicAsker) offsets(ctx context.Context, names []string) (ends, error) {
	questions := []func(context.Context, ...string) (kadm.ListedOffsets, error){
		a.admin.ListStartOffsets, a.admin.ListCommittedOffsets, a.admin.ListEndOffsets,
	}
	answers, errs := make([]kadm.ListedOffsets, len(questions)), make([]error, len(questions))
	var asking sync.WaitGroup
	for i, question := range questions {
		asking.Go(func() { answers[i], errs[i] = question(ctx, names...) })
	}
	asking.Wait()
	for i, err := range errs {
		// Some brokers may be down: the others' answers are good.
		if err != nil && len(answers[i]) == 0 {
			return ends{}, refusedOrAway(err)
		}
	}
	return ends{listed(answers[0]), listed(answers[1]), listed(answers[2])}, nil
}

// refusedOrAway tells an answer of Kafka from none.
func refusedOrAway(err error) error {
	if refusal, ok := errors.AsType[*kerr.Error](err); ok && !refusal.Retriable {
		return err
	}
	return fmt.Errorf("%w: %w", kafka.ErrAway, err)
}
