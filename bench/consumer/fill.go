package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/internal/cluster"
)

const (
	valueSize = 100
	// batchBytes is the most that a batch of the filled topics has: between
	// what Java's producer sends by default (16 KiB) and franz-go's (1 MB).
	batchBytes = 64 << 10
	// flightKeys are the keys of the topics for handlers that do nothing and
	// that stall, workKeys those of the one for handlers that wait.
	flightKeys = 10_000
	workKeys   = 100
	// seed makes the keys come in the same order in every run.
	seed = 20_250
)

// deck deals keys: each of them equally often, in random order. Their number
// is one that the partitions divide, so that none has more than another.
type deck struct {
	random *rand.Rand
	cards  []int
	next   int
}

func newDeck(keys int) *deck {
	d := &deck{random: rand.New(rand.NewPCG(seed, seed)), cards: make([]int, keys)}
	for i := range d.cards {
		d.cards[i] = i
	}
	d.next = len(d.cards)
	return d
}

func (d *deck) deal() int {
	if d.next == len(d.cards) {
		d.random.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
		d.next = 0
	}
	d.next++
	return d.cards[d.next-1]
}

// fill writes so many records to a topic: values of 100 bytes, keys of 8, and
// the records of one key in one partition.
func fill(ctx context.Context, c *cluster.Cluster, topic string, records int64, keys int) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.Brokers...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(batchBytes), kgo.MaxBufferedRecords(50_000),
		kgo.MetadataMinAge(cluster.MetadataMinAge),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	names := make([][]byte, keys)
	for i := range names {
		names[i] = fmt.Appendf(nil, "key-%04d", i)
	}
	value := []byte(strings.Repeat("abcdefghij", valueSize/10))
	failure := kgo.AbortingFirstErrPromise(client)
	dealt := newDeck(keys)
	for range records {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		key := dealt.deal()
		client.Produce(ctx, &kgo.Record{Key: names[key], Value: value, Partition: int32(key % cluster.Partitions)}, failure.Promise())
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("fill %s: %w", topic, err)
	}
	if err := failure.Err(); err != nil {
		return fmt.Errorf("fill %s: %w", topic, err)
	}
	return nil
}
