//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/test/harm"
)

const (
	keys = 20
	// flushBudget is how long the last records may take, with a Kafka that
	// nobody disturbs any more.
	flushBudget = time.Minute
	// transactional is one in how many rounds of the writer has a transaction,
	// of which half are aborted.
	transactional = 25
)

// writer writes numbered records into the topics, most of them plainly and some
// in transactions, and keeps what became of each.
type writer struct {
	topics []string
	rate   float64 // records a second
	size   int     // bytes of a value, about
	plain  *kgo.Client
	tx     *kgo.Client

	mu     sync.Mutex
	number int64
	known  map[place]written
	errs   map[string]int

	open sync.Mutex // held while there is a transaction
	fill string
}

func newWriter(brokers string, topics []string, rate float64, size int) (*writer, error) {
	w := &writer{
		topics: topics, rate: rate, size: size, known: map[place]written{}, errs: map[string]int{},
		fill: strings.Repeat("all that is written is seen or said to be gone, ", size/48+1)[:size],
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(brokers),
		kgo.ClientID("streams-writer"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Any partition, also one that was added a moment ago.
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(_ *kgo.Record, n int) int { return rand.IntN(n) }
		})),
		// An outage is waited out: nothing is given up but at the end.
		kgo.RecordRetries(1 << 30),
		kgo.MaxBufferedRecords(100_000),
		kgo.MetadataMaxAge(2 * time.Second),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 200 * time.Millisecond }),
	}
	var err error
	if w.plain, err = kgo.NewClient(options...); err != nil {
		return nil, fmt.Errorf("the writer's Kafka client: %w", err)
	}
	if w.tx, err = kgo.NewClient(append(options, kgo.TransactionalID("streams-writer-"+topics[0]), kgo.TransactionTimeout(time.Minute))...); err != nil {
		w.plain.Close()
		return nil, fmt.Errorf("the writer's Kafka client: %w", err)
	}
	return w, nil
}

func (w *writer) close() {
	w.plain.Close()
	w.tx.Close()
}

// run writes until ctx ends, and then waits for what is under way.
func (w *writer) run(ctx context.Context, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 2))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var work sync.WaitGroup
	defer work.Wait()
	begin, sent := time.Now(), 0
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushBudget)
			defer cancel()
			if err := w.plain.Flush(flush); err != nil {
				return fmt.Errorf("the writer's last records were not acknowledged in %s: %w", flushBudget, err)
			}
			return nil
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() * w.rate); sent < due; sent++ {
			w.produce(ctx, w.plain, w.record(random), committed, nil)
		}
		if round%transactional == 0 && w.open.TryLock() {
			commit := random.IntN(2) == 0
			records := []*kgo.Record{w.record(random), w.record(random), w.record(random)}
			work.Go(func() {
				defer w.open.Unlock()
				w.transaction(ctx, records, commit, 0)
			})
		}
	}
}

func (w *writer) record(random *rand.Rand) *kgo.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	return &kgo.Record{
		Topic: w.topics[random.IntN(len(w.topics))],
		Key:   fmt.Appendf(nil, "k%02d", random.IntN(keys)),
		Value: fmt.Appendf(nil, `{"n":%d,"fill":%q}`, w.number, w.fill[:random.IntN(w.size)]),
		// The number comes back with the acknowledgement.
		Context: context.WithValue(context.Background(), numbered{}, w.number),
	}
}

type numbered struct{}

// produce hands a record over. done, which may be nil, is told where it is.
func (w *writer) produce(ctx context.Context, client *kgo.Client, r *kgo.Record, as state, done func(place, error)) {
	// Not ctx: one that ends would fail records that others share a batch with.
	client.Produce(context.WithoutCancel(ctx), r, func(r *kgo.Record, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		at := place{r.Topic, r.Partition, r.Offset}
		switch number, ok := r.Context.Value(numbered{}).(int64); {
		case err == nil && ok && r.Offset >= 0:
			w.known[at] = written{number, string(r.Key), as}
		case err == nil:
			w.errs["acknowledged without an offset"]++
		case as == committed:
			w.errs[err.Error()]++
		}
		if done != nil {
			done(at, err)
		}
	})
}

// transaction writes records in a transaction, holds it open for a while, and
// ends it. Where that fails, the log will tell, and it is ended before the next.
func (w *writer) transaction(ctx context.Context, records []*kgo.Record, commit bool, held time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushBudget+held)
	defer cancel()
	if err := w.tx.BeginTransaction(); err != nil {
		w.fault(fmt.Errorf("begin a transaction: %w", err))
		return
	}
	var places []place
	failed := false
	for _, r := range records {
		w.produce(ctx, w.tx, r, unsure, func(at place, err error) {
			failed = failed || err != nil
			if err == nil {
				places = append(places, at)
			}
		})
	}
	flushed := w.tx.Flush(ctx)
	harm.Sleep(ctx, held)
	w.mu.Lock()
	commit = commit && !failed && flushed == nil
	w.mu.Unlock()
	err := w.tx.EndTransaction(ctx, kgo.TransactionEndTry(commit))
	w.mu.Lock()
	for _, at := range places {
		known := w.known[at]
		switch {
		case err != nil:
		case commit:
			known.state = committed
		default:
			known.state = aborted
		}
		w.known[at] = known
	}
	w.mu.Unlock()
	if err != nil {
		// The client aborts what is left over before it begins again.
		_ = w.tx.EndTransaction(ctx, kgo.TryAbort)
	}
}

// burst writes so many records as fast as Kafka takes them.
func (w *writer) burst(ctx context.Context, n int) error {
	random := rand.New(rand.NewPCG(3, 4))
	for range n {
		w.produce(ctx, w.plain, w.record(random), committed, nil)
	}
	return w.plain.Flush(ctx)
}

// stall has a transaction stay open for a while.
func (w *writer) stall(ctx context.Context, held time.Duration) {
	w.open.Lock()
	defer w.open.Unlock()
	random := rand.New(rand.NewPCG(1, 2))
	w.transaction(ctx, []*kgo.Record{w.record(random), w.record(random)}, true, held)
}

func (w *writer) fault(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs[err.Error()]++
}

// result returns what is known of every record. A writer that was refused one
// has not tested what it should.
func (w *writer) result() (map[place]written, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	for why, n := range w.errs {
		err = errors.Join(err, fmt.Errorf("%d records: %s", n, why))
	}
	return maps.Clone(w.known), err
}

// ends returns behind the last record that is known to be committed, by
// partition.
func (w *writer) ends(wants func(place, written) bool) map[line]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := map[line]int64{}
	for at, r := range w.known {
		if l := (line{at.topic, at.partition}); r.state == committed && wants(at, r) {
			ends[l] = max(ends[l], at.offset+1)
		}
	}
	return ends
}
