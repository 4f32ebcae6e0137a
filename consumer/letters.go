package consumer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
)

const (
	// letterBytes is how much is with the client at a time; a larger letter is
	// there alone. The client makes batches of what it has, and a topic of dead
	// letters takes at least this much in one.
	letterBytes = 64 << 10
	// letterRoom is what a batch of dead letters may have on top of the limit
	// of the source topic: for our headers, and for another compression.
	letterRoom = 2 * letterBytes
	// maxLetterBatch is above what any broker takes: its limit decides.
	maxLetterBatch = 90 << 20
)

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

// letters writes a group's dead letters: in the order in which they come, by
// an idempotent client of its own, and acknowledged by all in-sync replicas.
// Nobody waits for it; a burial ends with its partition's buried or unburied.
type letters struct {
	group  *Group
	client *kgo.Client
	admin  *kadm.Client

	mu      sync.Mutex
	queue   []*burial
	pumping bool
	aloft   int           // bytes with the client
	room    chan struct{} // of capacity 1: aloft has become less
	known   map[string]bool
}

func newLetters(g *Group) *letters {
	return &letters{group: g, room: make(chan struct{}, 1), known: map[string]bool{}}
}

// open makes the client. It connects when the first letter comes.
func (w *letters) open(client []kgo.Opt) (err error) {
	w.client, err = kgo.NewClient(append(client,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(maxLetterBatch),
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(r *kgo.Record, n int) int { return int(r.Partition) % n }
		})),
	)...)
	if err == nil {
		w.admin = kadm.NewClient(w.client)
	}
	return err
}

// send takes a burial. It never blocks and calls nothing back by itself, since
// the partition's lock is held.
func (w *letters) send(b *burial) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, b)
	if !w.pumping {
		w.pumping = true
		w.group.work.Go(w.pump)
	}
}

// pump hands letters over to the client until none is left.
func (w *letters) pump() {
	for b := w.next(); b != nil; b = w.next() {
		source := b.letter.Topic
		r := b.record()
		err := w.ensure(source)
		if err == nil && b.fit == enlarged {
			err = w.enlarge(r)
		}
		if err != nil {
			w.failed(b, err)
			continue
		}
		if !w.board(b, size(r)) {
			continue // The group is closed, and its partitions with it.
		}
		w.client.TryProduce(w.group.base, r, func(_ *kgo.Record, err error) {
			w.land(b)
			switch {
			case err == nil:
				b.partition.buried(b)
			case errors.Is(err, kerr.MessageTooLarge) && (b.fit == asItIs || b.fit == alone && w.group.deps.Create):
				b.fit++
				w.send(b)
			default:
				if errors.Is(err, kerr.UnknownTopicOrPartition) {
					w.forget(source)
				}
				w.failed(b, err)
			}
		})
	}
}

func (w *letters) next() *burial {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.pumping = false
		w.queue = nil
		return nil
	}
	b := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	return b
}

// board waits until there is room for the letter, or the group is closed.
func (w *letters) board(b *burial, bytes int) bool {
	b.weight = min(bytes, letterBytes)
	if b.fit != asItIs {
		b.weight = letterBytes
	}
	for {
		w.mu.Lock()
		if w.aloft+b.weight <= letterBytes {
			w.aloft += b.weight
			w.mu.Unlock()
			return true
		}
		w.mu.Unlock()
		select {
		case <-w.room:
		case <-w.group.base.Done():
			return false
		}
	}
}

func (w *letters) land(b *burial) {
	w.mu.Lock()
	w.aloft -= b.weight
	w.mu.Unlock()
	select {
	case w.room <- struct{}{}:
	default:
	}
}

func (w *letters) forget(source string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.known, source)
}

// record is the dead letter: the record's key, value and headers as they were,
// and our block behind them.
func (b *burial) record() *kgo.Record {
	e := b.lane.first
	headers := b.letter.Append(e.record.Headers)
	r := &kgo.Record{
		Topic:     deadletter.Topic(b.letter.Topic, b.letter.Group),
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

// ensure makes the topic for the dead letters of another one, if it is not
// there: kept for ever, and with room for our headers.
func (w *letters) ensure(source string) error {
	w.mu.Lock()
	known := w.known[source]
	w.mu.Unlock()
	if known {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.group.base, locateTimeout)
	defer cancel()
	topic := deadletter.Topic(source, w.group.config.Group)
	listed, err := w.admin.ListTopicsWithInternal(ctx, source, topic)
	if err != nil {
		return fmt.Errorf("look for topic %s: %w", topic, err)
	}
	if err := listed[topic].Err; err != nil {
		switch {
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("look for topic %s: %w", topic, err)
		case !w.group.deps.Create:
			return fmt.Errorf("topic %s: %w", topic, errNoSuchTopic)
		}
		if err := w.create(ctx, source, topic, len(listed[source].Partitions)); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[source] = true
	return nil
}

func (w *letters) create(ctx context.Context, source, topic string, partitions int) error {
	settings := map[string]string{
		"cleanup.policy":    "delete",
		"retention.ms":      "-1",
		"retention.bytes":   "-1",
		"max.message.bytes": strconv.Itoa(w.limit(ctx, source)),
	}
	return kafka.CreateTopics(ctx, w.admin, int32(partitions), settings, topic) //nolint:gosec // G115: a count of partitions fits.
}

// enlarge lets a topic of dead letters take one that was compressed better, or
// in another batch, where it came from.
func (w *letters) enlarge(r *kgo.Record) error {
	ctx, cancel := context.WithTimeout(w.group.base, locateTimeout)
	defer cancel()
	most := strconv.Itoa(size(r) + letterRoom)
	answers, err := w.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &most}}, r.Topic)
	if err == nil {
		_, err = answers.On(r.Topic, func(a *kadm.AlterConfigsResponse) error { return a.Err })
	}
	if err != nil {
		return fmt.Errorf("set max.message.bytes of topic %s: %w", r.Topic, err)
	}
	return nil
}

// limit is what a batch of dead letters may have: what one of the source topic
// may, a quarter more in case it was compressed better, and room.
func (w *letters) limit(ctx context.Context, source string) int {
	const kafkaDefault = 1_048_588
	most := kafkaDefault
	configs, err := w.admin.DescribeTopicConfigs(ctx, source)
	if err == nil {
		if c, err := configs.On(source, nil); err == nil && c.Err == nil {
			for _, pair := range c.Configs {
				if n, err := strconv.Atoi(pair.MaybeValue()); pair.Key == "max.message.bytes" && err == nil {
					most = n
				}
			}
		}
	}
	return min(most+most/4+letterRoom, math.MaxInt32)
}

// failed ends a burial that did not succeed.
func (w *letters) failed(b *burial, err error) {
	if w.group.base.Err() == nil {
		b.partition.unburied(b, err, !refused(err))
	}
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
