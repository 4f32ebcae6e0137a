package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/internal/cluster"
	"sluice/bench/producer/load"
)

// ledger is what a run says was acknowledged: of each sender, the records with
// the numbers below this one.
type ledger map[int]int64

func (l ledger) total() int64 {
	var n int64
	for _, acked := range l {
		n += acked
	}
	return n
}

// span are the offsets of a topic from before a run to after it, for each
// partition.
type span map[int32][2]int64

func (s span) total() int64 {
	var n int64
	for _, p := range s {
		n += p[1] - p[0]
	}
	return n
}

// verify compares a topic's new records with what was acknowledged: their
// number, and when read is set the id of each.
func verify(ctx context.Context, c *cluster.Cluster, topic string, before map[int32]int64, acked ledger, id int, read bool) error {
	after, err := c.Ends(ctx, topic)
	if err != nil {
		return err
	}
	written := span{}
	for p, end := range after {
		written[p] = [2]int64{before[p], end}
	}
	if written.total() != acked.total() {
		return fmt.Errorf("topic %s has %d new records, and %d were acknowledged", topic, written.total(), acked.total())
	}
	if !read || acked.total() == 0 {
		return nil
	}
	audit := newAudit(acked, id)
	if err := readSpan(ctx, c.Brokers, topic, written, audit.add); err != nil {
		return err
	}
	return audit.close()
}

// readSpan hands each record of a span to use.
func readSpan(ctx context.Context, brokers []string, topic string, s span, use func(value []byte)) error {
	offsets := map[int32]kgo.Offset{}
	for p, o := range s {
		if o[0] < o[1] {
			offsets[p] = kgo.NewOffset().At(o[0])
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for left := len(offsets); left > 0; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			use(r.Value)
			if r.Offset == s[r.Partition][1]-1 {
				left--
			}
		})
	}
	return nil
}

// audit looks for every acknowledged id, and for any other.
type audit struct {
	acked  ledger
	id     int // its place in the value
	seen   map[int][]bool
	errs   []error
	others int
}

func newAudit(acked ledger, id int) *audit {
	a := &audit{acked: acked, id: id, seen: map[int][]bool{}}
	for sender, n := range acked {
		a.seen[sender] = make([]bool, n)
	}
	return a
}

// tellAtMost is how many differences are told one by one.
const tellAtMost = 5

func (a *audit) wrong(format string, args ...any) {
	if len(a.errs) == tellAtMost {
		a.others++
		return
	}
	a.errs = append(a.errs, fmt.Errorf(format, args...))
}

// add takes the value of a record that is in Kafka.
func (a *audit) add(value []byte) {
	sender, seq, err := load.ParseID(value[min(a.id, len(value)):])
	switch seen := a.seen[sender]; {
	case err != nil:
		a.wrong("a record that nobody sent: %w", err)
	case seq >= int64(len(seen)):
		a.wrong("record %d of sender %d is in Kafka, and was not acknowledged", seq, sender)
	case seen[seq]:
		a.wrong("record %d of sender %d is in Kafka twice", seq, sender)
	default:
		seen[seq] = true
	}
}

// close reports all differences.
func (a *audit) close() error {
	for sender, seen := range a.seen {
		for seq, there := range seen {
			if !there {
				a.wrong("record %d of sender %d was acknowledged, and is not in Kafka", seq, sender)
			}
		}
	}
	if a.others > 0 {
		a.errs = append(a.errs, fmt.Errorf("and %d more", a.others))
	}
	return errors.Join(a.errs...)
}
