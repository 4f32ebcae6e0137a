package producer

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/kafka"
	"sluice/internal/units"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Writer is the one path by which service A writes records to Kafka. All
// methods may be called at any time from any goroutine.
type Writer struct {
	cfg     Config
	conn    kafka.Config
	log     *slog.Logger
	budget  budget
	metrics *metrics

	started  atomic.Pointer[cluster] // nil until the first connection
	draining atomic.Bool
	cut      chan struct{} // closed when waiting ends for everybody
	cutOnce  sync.Once
	quit     chan struct{} // closed when Run is to return
	ran      chan struct{} // closed when it has
	running  atomic.Bool
}

// cluster is what exists once Kafka has answered for the first time.
type cluster struct {
	log     *slog.Logger
	control *kafka.Control
	topics  *kafka.Topics
	link    *kafka.Link
	clients [clients]*client
	queues  sync.Map // topic name → *queue, of topics that exist or existed
}

// NewWriter makes a Writer; Run connects it. The settings must be valid.
func NewWriter(cfg Config, conn kafka.Config, log *slog.Logger, reg prometheus.Registerer) *Writer {
	w := &Writer{cfg: cfg, conn: conn, log: log, cut: make(chan struct{}), quit: make(chan struct{}), ran: make(chan struct{})}
	w.budget.maxBytes, w.budget.maxCount = int64(cfg.Limits.InFlight), int64(cfg.Limits.Requests)
	w.metrics = newMetrics(reg, &w.budget)
	return w
}

// Config returns the settings that the Writer was made with.
func (w *Writer) Config() Config { return w.cfg }

// Admit takes room for a request of n bytes and returns the entry to fill. It
// refuses at once, and before anything was read, where the record could not be
// handed over now: not started, draining, Kafka away, budget full.
func (w *Writer) Admit(n int64) (*Entry, *Error) {
	if _, err := w.open(); err != nil {
		return nil, w.count(err)
	}
	if !w.budget.take(n) {
		return nil, w.count(w.busy())
	}
	e := newEntry()
	e.writer, e.room = w, n
	e.refs.Store(1)
	e.Record.Partition = AnyPartition
	return e, nil
}

// Write writes the entry's record and waits until its outcome is known or the
// deadline of the settings has passed. On success Record's Partition, Offset
// and Timestamp are those of the record in Kafka. The caller releases the
// entry in any case; after an Unknown outcome it must not read Record, which
// may still be with the client.
func (w *Writer) Write(ctx context.Context, e *Entry) *Error {
	start := time.Now()
	err := w.write(ctx, e, start)
	w.metrics.answered(err, start)
	return err
}

func (w *Writer) write(ctx context.Context, e *Entry, start time.Time) *Error {
	c, refusal := w.open()
	if refusal != nil {
		return refusal
	}
	topic, refusal := w.topic(ctx, c, e)
	if refusal != nil {
		return refusal
	}
	if refusal = check(&e.Record, topic, w.cfg.Limits.Record, start); refusal != nil {
		return refusal
	}
	e.deadline = start.Add(w.cfg.Timeout)
	q := c.queue(e.Record.Topic, w.metrics)
	if refusal = q.submit(e); refusal != nil {
		return refusal
	}
	e.timer.Reset(w.cfg.Timeout - time.Since(start))
	defer e.timer.Stop()
	select {
	case <-e.ended:
		if topic.AppendTime {
			e.Record.Timestamp = time.Time{} // The broker's own, which the client does not tell.
		}
		return e.err
	case <-e.timer.C:
		return q.giveUp(e, q.late(), "Kafka did not acknowledge the record before the deadline")
	case <-w.cut:
		return q.giveUp(e, draining(), "the service stopped before Kafka acknowledged the record")
	}
}

// giveUp ends the wait for an entry: with the refusal where it was still
// queued, with its result where that is in, else with "unknown".
func (q *queue) giveUp(e *Entry, queued *Error, sent string) *Error {
	if q.withdraw(e) {
		return queued
	}
	select {
	case <-e.ended:
		return e.err
	default:
		return &Error{Reason: Late, Outcome: Unknown, Detail: sent + "; it may have been written, or may be later"}
	}
}

// open returns the cluster if a record could be handed to it now.
func (w *Writer) open() (*cluster, *Error) {
	if w.draining.Load() {
		return nil, draining()
	}
	c := w.started.Load()
	if c == nil {
		return nil, refuse(NotStarted, "Kafka producer is not started")
	}
	if err := c.link.Away(); err != nil {
		return nil, away(err)
	}
	return c, nil
}

// topic returns what is known of the entry's topic, creating it where the
// settings say so.
func (w *Writer) topic(ctx context.Context, c *cluster, e *Entry) (*kafka.Topic, *Error) {
	name := e.Record.Topic
	topic, err := c.topics.Get(ctx, name)
	if errors.Is(err, kafka.ErrUnknownTopic) && w.cfg.CreateTopics {
		topic, err = c.create(ctx, name, w.cfg.Timeout)
	}
	if err == nil && e.Record.Partition >= topic.Partitions {
		// It may have grown since.
		topic, err = c.topics.Refresh(ctx, name, lookAgain)
	}
	switch {
	case err == nil:
		return topic, nil
	case errors.Is(err, kafka.ErrUnknownTopic):
		return nil, refuse(NoTopic, "topic %s does not exist", name)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return nil, refuse(Forbidden, "Kafka does not let this service use topic %s", name)
	case errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.PolicyViolation):
		return nil, refuse(Refused, "Kafka does not take topic %s: %s", name, err)
	}
	return nil, away(err)
}

// lookAgain bounds the question whether a topic has grown.
const lookAgain = 50 * time.Millisecond

// create makes the topic and reads it back. The time is bounded by what a
// request may take, not by one caller's patience.
func (c *cluster) create(ctx context.Context, name string, timeout time.Duration) (*kafka.Topic, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := c.control.CreateTopics(ctx, 0, name); err != nil {
		return nil, err
	}
	return c.topics.Await(ctx, name)
}

var seed = maphash.MakeSeed()

// queue returns the topic's flight queue, in front of the client that the
// topic belongs to for the life of the process.
func (c *cluster) queue(topic string, m *metrics) *queue {
	if q, ok := c.queues.Load(topic); ok {
		return q.(*queue)
	}
	q := &queue{topic: topic, client: c.clients[maphash.String(seed, topic)%clients], metrics: m}
	actual, _ := c.queues.LoadOrStore(topic, q)
	return actual.(*queue)
}

// Ready returns nil when a record for the configured topic could be written
// now, else the reason.
func (w *Writer) Ready() error {
	c, refusal := w.open()
	if refusal != nil {
		return refusal
	}
	topic := c.topics.Lookup(w.cfg.Topic)
	switch {
	case topic == nil:
		return fmt.Errorf("topic %s does not exist", w.cfg.Topic)
	case topic.Leaderless > 0:
		return fmt.Errorf("%d of %d partitions of topic %s have no leader", topic.Leaderless, topic.Partitions, topic.Name)
	case topic.UnderMinISR > 0:
		return fmt.Errorf("%d of %d partitions of topic %s have too few in-sync replicas", topic.UnderMinISR, topic.Partitions, topic.Name)
	}
	if q, ok := c.queues.Load(w.cfg.Topic); ok {
		return q.(*queue).stuck()
	}
	return nil
}

func (w *Writer) count(err *Error) *Error {
	w.metrics.refused.WithLabelValues(err.Reason.String()).Inc()
	return err
}

func (w *Writer) busy() *Error {
	return refuse(Busy, "too much is in flight: at most %d requests and %s", w.cfg.Limits.Requests, units.Bytes(w.budget.maxBytes))
}

func draining() *Error { return refuse(Draining, "the service is being stopped") }

func away(err error) *Error {
	e := refuse(Away, "Kafka is not available")
	e.Cause = err
	return e
}
