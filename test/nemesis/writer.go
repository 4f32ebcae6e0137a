//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keys = 200
	// keyless is the share of records without a key.
	keyless = 0.02
	// flushBudget is how long the last records may take, with a Kafka that
	// nobody disturbs any more.
	flushBudget = time.Minute
)

// writer writes numbered records, and keeps what it was told of them.
type writer struct {
	client *kgo.Client
	topic  string
	rate   float64 // records a second
	poison float64 // the share that must become dead letters

	mu    sync.Mutex
	acked []written
	ends  map[int32]int64 // of what is acknowledged, by partition
	told  int
	errs  map[string]int // what else the writer was told, and how often
}

func newWriter(brokers, topic string, rate, poison float64) (*writer, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers),
		kgo.ClientID("nemesis-writer"),
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		// An outage is waited out: nothing is given up but at the end.
		kgo.RecordRetries(1<<30),
		kgo.MaxBufferedRecords(100_000),
		// New partitions are found, and a broker that is back.
		kgo.MetadataMaxAge(2*time.Second),
		kgo.MetadataMinAge(250*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 200 * time.Millisecond }),
	)
	if err != nil {
		return nil, fmt.Errorf("the writer's Kafka client: %w", err)
	}
	return &writer{client: client, topic: topic, rate: rate, poison: poison, ends: map[int32]int64{}, errs: map[string]int{}}, nil
}

// run writes until ctx ends, and then waits for what is under way.
func (w *writer) run(ctx context.Context, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 2))
	seqs := map[string]int64{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begin, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushBudget)
			defer cancel()
			if err := w.client.Flush(flush); err != nil {
				return fmt.Errorf("the writer's last records were not acknowledged in %s: %w", flushBudget, err)
			}
			return nil
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() * w.rate); sent < due; sent++ {
			key := noKey
			if random.Float64() >= keyless {
				key = fmt.Sprintf("k%03d", random.IntN(keys))
			}
			m := message{key, seqs[key], w.fate(random)}
			seqs[key]++
			w.write(ctx, m)
		}
	}
}

func (w *writer) fate(random *rand.Rand) fate {
	switch roll := random.Float64(); {
	case roll < w.poison/2:
		return poison
	case roll < w.poison:
		return stubborn
	}
	return good
}

// write hands a record over. With Kafka away for long it waits for room.
func (w *writer) write(ctx context.Context, m message) {
	r := &kgo.Record{Value: []byte(m.String())}
	if m.key != noKey {
		r.Key = []byte(m.key)
	}
	w.mu.Lock()
	w.told++
	w.mu.Unlock()
	// Not ctx: one that ends would fail records that others share a batch with.
	w.client.Produce(context.WithoutCancel(ctx), r, func(r *kgo.Record, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.errs[err.Error()]++
			return
		}
		w.acked = append(w.acked, written{place{r.Partition, r.Offset}, m})
		w.ends[r.Partition] = max(w.ends[r.Partition], r.Offset+1)
	})
}

// acknowledged returns the end of what is acknowledged, by partition.
func (w *writer) acknowledged() map[int32]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ends)
}

// result returns what was acknowledged, and how many records it has tried to
// write. A writer that was refused a record has not tested what it should.
func (w *writer) result() (acked []written, told int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for why, n := range w.errs {
		err = errors.Join(err, fmt.Errorf("%d records: %s", n, why))
	}
	return w.acked, w.told, err
}
