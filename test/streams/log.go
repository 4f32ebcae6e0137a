//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readBudget bounds the reading of what is left in Kafka.
const readBudget = 3 * time.Minute

// records puts together what was written and what became of it: what Kafka has
// acknowledged, and what is in the log now.
func (k *checker) records(ctx context.Context) (h history, err error) {
	if h.records, err = k.writer.result(); err != nil {
		return h, fmt.Errorf("the writer: %w", err)
	}
	left, starts, err := k.readLog(ctx)
	if err != nil {
		return h, err
	}
	for at, w := range h.records {
		there := left[at]
		switch {
		case at.offset < starts[line{at.topic, at.partition}]: // Deleted.
		case w.state == unsure && there:
			w.state = committed
		case w.state == unsure:
			w.state = aborted
		case there != (w.state == committed):
			return h, fmt.Errorf("kafka has forgotten: number %d at %s, state %d, is in the log: %t", w.number, at, w.state, there)
		}
		h.records[at] = w
		delete(left, at)
	}
	for at := range left {
		return h, fmt.Errorf("%s is in the log, and was never acknowledged (%d of those)", at, len(left))
	}
	h.deletions = k.deletions
	for _, c := range k.clients {
		h.clients = append(h.clients, c.story)
	}
	return h, nil
}

// readLog returns where there are committed records now, and where the logs
// begin.
func (k *checker) readLog(ctx context.Context) (map[place]bool, map[line]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	starts, err1 := k.admin.ListStartOffsets(ctx, k.topics...)
	ends, err2 := k.admin.ListEndOffsets(ctx, k.topics...)
	if err := errors.Join(err1, err2, starts.Error(), ends.Error()); err != nil {
		return nil, nil, fmt.Errorf("read the log: %w", err)
	}
	from, to, begin := map[string]map[int32]kgo.Offset{}, map[line]int64{}, map[line]int64{}
	starts.Each(func(o kadm.ListedOffset) {
		l := line{o.Topic, o.Partition}
		begin[l] = o.Offset
		if end, ok := ends.Lookup(o.Topic, o.Partition); ok && end.Offset > o.Offset {
			to[l] = end.Offset
			if from[o.Topic] == nil {
				from[o.Topic] = map[int32]kgo.Offset{}
			}
			from[o.Topic][o.Partition] = kgo.NewOffset().At(o.Offset)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(k.kafka.Address), kgo.ClientID("streams-reader"), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()) // A partition may end with the marker of a transaction.
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	found := map[place]bool{}
	for len(to) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, nil, fmt.Errorf("read the log: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			l := line{r.Topic, r.Partition}
			if !r.Attrs.IsControl() {
				found[place{r.Topic, r.Partition, r.Offset}] = true
			}
			if end, ok := to[l]; ok && r.Offset >= end-1 {
				delete(to, l)
			}
		})
	}
	return found, begin, nil
}
