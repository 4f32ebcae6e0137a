package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
)

// maxLetterBatch is above what any broker takes: its limit decides.
const maxLetterBatch = 90 << 20

// burial is a record on its way to the dead letters.
type burial struct {
	partition *partition
	lane      *lane
	letter    deadletter.Letter
	tries     int // that have failed
	weight    int // of letterBytes
	// fit is what is done to make it fit.
	fit fit
}

// fit is what is done, one after the other, for a letter that was too large.
type fit int

const (
	asItIs   fit = iota
	alone        // it may have been for its neighbours
	enlarged     // the topic takes more than it did
)

// letters writes a group's dead letters: those of each topic in the order in
// which they come, by an idempotent client of its own, and acknowledged by all
// in-sync replicas. Nobody waits for it; a burial ends with its partition's
// buried or unburied.
type letters struct {
	group *Group

	mu     sync.Mutex
	client *kgo.Client
	boxes  map[string]*mailbox // by the topic that their letters are of
	closed bool

	mending  sync.Mutex
	replaced time.Time
}

// replaceEvery bounds how often the client is replaced.
const replaceEvery = time.Second

func newLetters(g *Group) *letters {
	return &letters{group: g, boxes: map[string]*mailbox{}}
}

// open makes the client. It connects when the first letter comes.
func (w *letters) open() error {
	client, err := kgo.NewClient(append(w.group.clientOptions(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(maxLetterBatch),
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(r *kgo.Record, n int) int { return int(r.Partition) % n }
		})),
	)...)
	if err != nil {
		return err
	}
	w.mu.Lock()
	old, closed := w.client, w.closed
	if !closed {
		w.client = client
	}
	w.mu.Unlock()
	switch {
	case closed:
		client.Close()
	case old != nil:
		old.Close() // What is with it is sent again.
	}
	return nil
}

// mend replaces the client if Kafka has refused its producer id for good: it
// would fail every later letter.
func (w *letters) mend(ctx context.Context) {
	w.mending.Lock()
	defer w.mending.Unlock()
	if time.Since(w.replaced) < replaceEvery {
		return
	}
	_, _, err := w.kafka().ProducerID(ctx)
	code, ok := errors.AsType[*kerr.Error](err)
	if !ok || code.Retriable {
		return
	}
	w.replaced = time.Now()
	if err := w.open(); err != nil {
		w.group.errors.say("dead letters", fmt.Errorf("make a client for dead letters: %w", err))
		return
	}
	w.group.log.WarnContext(ctx, "client for dead letters replaced, its producer id was refused", slog.Any("error", code))
}

func (w *letters) kafka() *kgo.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client
}

// send takes a burial. It never blocks and calls nothing back by itself, since
// the partition's lock is held.
func (w *letters) send(b *burial) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return // All partitions are fenced.
	}
	source := b.partition.origin()
	box := w.boxes[source]
	if box == nil {
		box = newMailbox(w, source)
		w.boxes[source] = box
	}
	box.queue = append(box.queue, b)
	if !box.pumping {
		box.pumping = true
		w.group.work.Go(box.pump)
	}
}

// close ends the client, and with it what it is doing.
func (w *letters) close() {
	w.mu.Lock()
	w.closed = true
	client := w.client
	w.mu.Unlock()
	client.Close()
}

// record is the dead letter: the record's key, value and headers as they were,
// and our block behind them.
func (b *burial) record(topic string) *kgo.Record {
	e := b.lane.first
	headers := b.letter.Append(e.record.Headers)
	r := &kgo.Record{
		Topic:     topic,
		Partition: b.letter.Partition,
		Key:       e.kafka.Key,
		Value:     e.kafka.Value,
		Headers:   make([]kgo.RecordHeader, len(headers)),
	}
	for i, h := range headers {
		r.Headers[i] = kgo.RecordHeader(h)
	}
	return r
}

// refused reports whether Kafka will not take the letter, now or later.
func refused(err error) bool {
	for _, code := range []*kerr.Error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation,
		kerr.InvalidTopicException, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
