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
	budget  *budget
	metrics *metrics
	seen    *kafka.Metrics // of all clients' connections

	started  atomic.Pointer[cluster] // nil until the first connection
	draining atomic.Bool
	streams  context.Context // ends when streams are to end
	stop     context.CancelFunc
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
	metrics *metrics
	berths  [clients]*berth
	queues  sync.Map // topic name → *queue, of topics that exist or existed
	crew    crew
	// newClient makes a client for a berth.
	newClient func() (*client, error)
}

// NewWriter makes a Writer; Run connects it. The settings must be valid.
func NewWriter(cfg Config, conn kafka.Config, log *slog.Logger, reg prometheus.Registerer) *Writer {
	w := &Writer{cfg: cfg, conn: conn, log: log, cut: make(chan struct{}), quit: make(chan struct{}), ran: make(chan struct{})}
	w.streams, w.stop = context.WithCancel(context.Background())
	w.budget = newBudget(cfg.Limits)
	w.metrics = newMetrics(reg, w.budget)
	w.seen = kafka.NewMetrics(reg, "producer")
	w.seen.Up(func() error {
		if c := w.started.Load(); c != nil {
			return c.link.Away()
		}
		return kafka.ErrAway
	})
	return w
}

// Streams ends when uploads without an end of their own have to stop reading.
func (w *Writer) Streams() context.Context { return w.streams }

// EndStreams ends Streams; requests of a known length go on.
func (w *Writer) EndStreams() { w.stop() }

// Config returns the settings that the Writer was made with.
func (w *Writer) Config() Config { return w.cfg }

// Admit takes room for n bytes, from the budget and from the account's share of
// it (nil: it has all), and returns the batch to fill. It refuses at once, and
// before anything was read, where records could not be handed over now: not
// started, draining, Kafka away, no room.
func (w *Writer) Admit(account Account, n int64) (*Batch, *Error) {
	err := w.admit(account, n)
	if err != nil {
		return nil, w.Refused(err)
	}
	return w.newBatch(account, n), nil
}

// AdmitWaiting is Admit for streams: it waits while there is no room, until
// ctx ends.
func (w *Writer) AdmitWaiting(ctx context.Context, account Account, n int64) (*Batch, *Error) {
	err := w.admit(account, n)
	if err != nil && (err.Reason == Busy || err.Reason == Limited) {
		err = w.budget.wait(ctx, func() *Error { return w.admit(account, n) })
	}
	if err != nil {
		return nil, w.Refused(err)
	}
	return w.newBatch(account, n), nil
}

// Room says, without taking anything, why n bytes would be refused now, or
// nothing.
func (w *Writer) Room(n int64) *Error {
	if _, err := w.open(); err != nil {
		return w.Refused(err)
	}
	if w.budget.bytes.Load()+n > w.budget.maxBytes {
		return w.Refused(w.busy())
	}
	return nil
}

func (w *Writer) admit(account Account, n int64) *Error {
	if _, err := w.open(); err != nil {
		return err
	}
	if account != nil && !account.Hold(n) {
		return limited()
	}
	if w.budget.take(n) {
		return nil
	}
	if account != nil {
		account.Free(n)
	}
	return w.busy()
}

// hold takes more room for a batch that has some.
func (w *Writer) hold(account Account, n int64) *Error {
	if account != nil && !account.Hold(n) {
		return w.Refused(limited())
	}
	if w.budget.grow(n) {
		return nil
	}
	if account != nil {
		account.Free(n)
	}
	return w.Refused(w.busy())
}

func (w *Writer) newBatch(account Account, n int64) *Batch {
	b := batches.Get().(*Batch) //nolint:forcetypeassert // Nothing else is put there.
	b.writer, b.account, b.room = w, account, n
	b.refs.Store(1)
	return b
}

// Submit checks the batch's records and hands over those that pass; the others
// have failed, each for itself. A refusal is of the whole batch: nothing of it
// was or will be handed over. Otherwise Wait must follow. The deadline of
// every record is the given time from now, and at most the one of the
// settings.
func (w *Writer) Submit(ctx context.Context, b *Batch, timeout time.Duration) *Error {
	if err := w.submit(ctx, b, timeout); err != nil {
		return w.Refused(err)
	}
	return nil
}

func (w *Writer) submit(ctx context.Context, b *Batch, timeout time.Duration) *Error {
	c, refusal := w.open()
	if refusal != nil {
		return refusal
	}
	topic, refusal := w.topic(ctx, c, b)
	if refusal != nil {
		return refusal
	}
	now := time.Now()
	b.prepare(topic, w.cfg.Limits.Record, now)
	b.submitted, b.deadline = now, now.Add(min(timeout, w.cfg.Timeout))
	if b.going == 0 {
		b.ended <- struct{}{}
		return nil
	}
	return c.queue(b.Topic).submit(b, topic.Generation, now)
}

// prepare checks the records and makes those that pass ready for the client.
func (b *Batch) prepare(topic *kafka.Topic, limit units.Bytes, now time.Time) {
	b.appendTime = topic.AppendTime
	b.going, b.bytes = 0, 0
	for i := range b.slots {
		s := &b.slots[i]
		if s.done.Load() {
			continue
		}
		if err := check(&s.record, topic, limit, now); err != nil {
			b.Fail(i, b.writer.Refused(err))
			continue
		}
		s.batch = b
		s.record.Topic = b.Topic
		b.going++
		b.bytes += len(s.record.Key) + len(s.record.Value)
	}
}

// Write is Submit and Wait.
func (w *Writer) Write(ctx context.Context, b *Batch, timeout time.Duration) *Error {
	if err := w.Submit(ctx, b, timeout); err != nil {
		return err
	}
	w.Wait(b)
	return nil
}

// Wait waits until the outcome of every record of a submitted batch is known
// or its deadline has passed; Result tells it.
func (w *Writer) Wait(b *Batch) {
	b.timer.Reset(time.Until(b.deadline))
	select {
	case <-b.ended:
	case <-b.timer.C:
		w.giveUp(b, late(), "Kafka did not acknowledge the record before the deadline")
	case <-w.cut:
		w.giveUp(b, draining(), "the service stopped before Kafka acknowledged the record")
	}
	b.timer.Stop()
	w.metrics.seconds.Observe(time.Since(b.submitted).Seconds())
}

// giveUp ends the wait for a batch: with the refusal where it was still queued,
// else with what is known of each record, and "unknown" of the rest.
func (w *Writer) giveUp(b *Batch, queued *Error, sent string) {
	if b.queue != nil && b.queue.withdraw(b) {
		b.giveUp(w.Refused(queued))
		return
	}
	b.giveUp(w.Refused(&Error{Reason: Late, Outcome: Unknown, Detail: sent + "; it may have been written, or may be later"}))
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
func (w *Writer) topic(ctx context.Context, c *cluster, b *Batch) (*kafka.Topic, *Error) {
	name := b.Topic
	topic, err := c.topics.Get(ctx, name)
	if errors.Is(err, kafka.ErrUnknownTopic) && w.cfg.CreateTopics {
		topic, err = c.create(ctx, name, w.cfg.Timeout)
	}
	if err == nil && b.highestPartition() >= topic.Partitions {
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
func (c *cluster) queue(topic string) *queue {
	if q, ok := c.queues.Load(topic); ok {
		return q.(*queue) //nolint:forcetypeassert // Nothing else is stored.
	}
	q := &queue{topic: topic, cluster: c, berth: c.berths[maphash.String(seed, topic)%clients], metrics: c.metrics.of(topic)}
	actual, _ := c.queues.LoadOrStore(topic, q)
	return actual.(*queue) //nolint:forcetypeassert // Nothing else is stored.
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

// Refused counts a refusal, the writer's own or one of a request that never
// became a batch, and returns it.
func (w *Writer) Refused(err *Error) *Error {
	w.metrics.count(err)
	return err
}

func (w *Writer) busy() *Error {
	return refuse(Busy, "too much is in flight: at most %d requests and %s", w.cfg.Limits.Requests, units.Bytes(w.budget.maxBytes))
}

func limited() *Error {
	return refuse(Limited, "this principal's share of what may be in flight is used up")
}

func draining() *Error { return refuse(Draining, "the service is being stopped") }

func away(err error) *Error {
	e := refuse(Away, "Kafka is not available")
	e.Cause = err
	return e
}
