package producer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// berth is the place of one of the Kafka clients, which is replaced when it is
// beyond repair.
type berth struct {
	client atomic.Pointer[client]

	mu       sync.Mutex
	replaced time.Time
}

const (
	// replaceEvery bounds how often a client is replaced: a cluster that
	// refuses every one of them must not see a new one with each request.
	replaceEvery = time.Second
	mendTimeout  = 5 * time.Second
)

// crew runs what mends queues and clients, in goroutines that end with the
// writer.
type crew struct {
	ctx context.Context

	mu   sync.Mutex
	gone bool
	wg   sync.WaitGroup
}

// run starts the work, unless the writer is at its end.
func (c *crew) run(work func(context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	c.wg.Go(func() { work(c.ctx) })
	return true
}

// dismiss waits for what runs, and starts nothing more.
func (c *crew) dismiss() {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.wg.Wait()
}

// failed remembers why records of the flight have failed, where that asks for
// more than telling so.
func (q *queue) failed(err error) {
	if q.trouble == nil && (topicReplaced(err) || suspect(err)) {
		q.trouble = err
	}
}

// topicReplaced reports whether the topic may be another one now, or gone. The
// client stays with the one that it knew.
func topicReplaced(err error) bool {
	return errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// suspect reports whether the error may be one that the client keeps for good:
// a producer id that Kafka has refused.
func suspect(err error) bool {
	code, ok := errors.AsType[*kerr.Error](err)
	return ok && !code.Retriable && (!refusedForGood(err) || errors.Is(err, kerr.ClusterAuthorizationFailed))
}

// mend repairs what made the flight fail, or what has changed since, and then
// starts the next one. It reports false when there is nothing to repair.
func (q *queue) mend() bool {
	q.mu.Lock()
	trouble, recreated := q.trouble, q.recreated || errors.Is(q.trouble, kerr.UnknownTopicID)
	q.trouble, q.recreated = nil, false
	if trouble == nil && !recreated {
		q.mu.Unlock()
		return false
	}
	q.flying, q.tookOff = true, time.Now()
	q.mu.Unlock()
	return q.cluster.crew.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, mendTimeout)
		defer cancel()
		if trouble != nil && !topicReplaced(trouble) {
			q.cluster.replaceIfBroken(ctx, q.berth)
		}
		if recreated {
			q.cluster.log.InfoContext(ctx, "topic was deleted and made again", slog.String("topic", q.topic))
			q.berth.client.Load().kafka.PurgeTopicsFromProducing(q.topic)
		}
		if topicReplaced(trouble) {
			// Known before the next request asks; its failure is told then.
			_, _ = q.cluster.topics.Refresh(ctx, q.topic, mendTimeout)
		}
		q.takeOff()
	})
}

// replaceIfBroken replaces the berth's client if its producer id is refused
// for good. What is left with the old one has failed or fails with it.
func (c *cluster) replaceIfBroken(ctx context.Context, at *berth) {
	at.mu.Lock()
	defer at.mu.Unlock()
	old := at.client.Load()
	_, _, err := old.kafka.ProducerID(ctx)
	code, ok := errors.AsType[*kerr.Error](err)
	if !ok || code.Retriable || time.Since(at.replaced) < replaceEvery {
		return
	}
	fresh, err := c.newClient()
	if err != nil {
		c.log.ErrorContext(ctx, "Kafka client could not be replaced", slog.Any("error", err))
		return
	}
	c.log.WarnContext(ctx, "Kafka client replaced, its producer id was refused", slog.Any("error", code))
	at.replaced = time.Now()
	at.client.Store(fresh)
	c.crew.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, mendTimeout)
		defer cancel()
		_ = old.kafka.Flush(ctx) // What is not acknowledged by then fails with the client.
		old.kafka.Close()
	})
}
