package redrive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

const (
	// transactionTimeout is when Kafka aborts a transaction whose writer is
	// gone, and readers of the retry topic go on.
	transactionTimeout = time.Minute
	// abortTimeout is how long a transaction that has failed is given to be
	// aborted at once.
	abortTimeout = 2 * time.Second
	// largestBatch bounds a batch before compression, which Kafka does not
	// know of: a letter may be larger than what its topic takes compressed.
	largestBatch = 1 << 30
)

// transactional are the options of a client that owns the transactional id of
// a group. The id is the same on every replica, so that Kafka lets only the
// last one that has asked for it write.
func transactional(group string) []kgo.Opt {
	return []kgo.Opt{
		kgo.TransactionalID("sluice-redrive-" + group),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(largestBatch),
		kgo.BrokerMaxWriteBytes(largestBatch),
		kgo.ManualFlushing(),
		// A topic that was made a moment ago is not known to every broker.
		kgo.UnknownTopicRetries(-1),
	}
}

// writer writes transactions. One that has failed writes nothing more: what the
// client would have to do to go on, such as asking for a new id, could take the
// group from whoever has taken it over.
type writer struct {
	client *kgo.Client
	// patience is shorter than transactionTimeout, so that a transaction that
	// Kafka has aborted for its age is not mistaken for a take-over.
	patience time.Duration
	broken   bool
	known    map[string]bool // topics that the client has looked up
}

// take makes this writer the only one of the group: an open transaction of
// another is aborted before it returns, one that is being committed is
// committed, and whatever the other tries later fails.
func (w *writer) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	_, _, err := w.client.ProducerID(ctx)
	if err == nil {
		return nil
	}
	w.broken = true
	if code, ok := errors.AsType[*kerr.Error](err); ok && !code.Retriable {
		return fmt.Errorf("take the transactional id of the group: %w", err)
	}
	return fmt.Errorf("%w: take the transactional id of the group: %w", kafka.ErrAway, err)
}

// write writes the records in one transaction: all of them, or none. It ends
// within patience or when ctx does. After an error, whether they are there is
// not known.
func (w *writer) write(ctx context.Context, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	err := w.transact(ctx, records)
	if err == nil {
		return nil
	}
	w.broken = true
	code, refused := errors.AsType[*kerr.Error](err)
	switch {
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.InvalidProducerIDMapping),
		// Kafka 4's word for a commit whose transaction a take-over has aborted.
		errors.Is(err, kerr.InvalidTxnState):
		return fmt.Errorf("%w (%w)", errTakenOver, err)
	case refused && !code.Retriable:
		return err
	}
	return fmt.Errorf("%w: %w", kafka.ErrAway, err)
}

func (w *writer) transact(ctx context.Context, records []*kgo.Record) error {
	if w.broken {
		return errors.New("an earlier transaction has failed")
	}
	// What could take long in BeginTransaction, which knows no context.
	if _, _, err := w.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := w.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := w.lookUp(ctx, records); err != nil {
		return fmt.Errorf("write a transaction: %w", err)
	}
	if err := w.produce(ctx, records); err != nil {
		w.abort(ctx)
		return err
	}
	if err := w.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		// It may be committed. Nothing is tried again here: the next run asks
		// for the id, which settles it, and reads the receipts.
		return fmt.Errorf("the end of a transaction was not confirmed: %w", err)
	}
	return nil
}

func (w *writer) produce(ctx context.Context, records []*kgo.Record) error {
	// A record with a context that ends would fail others; this one does not.
	lasting := context.WithoutCancel(ctx)
	results := make(chan error, len(records))
	for _, r := range records {
		w.client.Produce(lasting, r, func(r *kgo.Record, err error) {
			if err != nil {
				err = fmt.Errorf("write to %s: %w", r.Topic, err)
			}
			results <- err
		})
	}
	if err := w.client.Flush(ctx); err != nil {
		return fmt.Errorf("write a transaction: %w", err)
	}
	var errs error
	for range records {
		errs = errors.Join(errs, <-results)
	}
	return errs
}

// lookUp makes the client learn the partitions of topics before it writes to
// them. It learns them at the first record of a topic, and writes that record
// before it has noted them for itself: where Kafka is quick, the end of the
// transaction then finds that nothing was written, and aborts it without an
// error. So the first record is one that no partition can take.
func (w *writer) lookUp(ctx context.Context, records []*kgo.Record) error {
	if w.known == nil {
		w.known = map[string]bool{}
	}
	for _, r := range records {
		if w.known[r.Topic] {
			continue
		}
		refused := make(chan struct{})
		nowhere := &kgo.Record{Topic: r.Topic, Partition: math.MaxInt32}
		w.client.Produce(context.WithoutCancel(ctx), nowhere, func(*kgo.Record, error) { close(refused) })
		select {
		case <-refused: // By the partitioner, or because there is no such topic, which the next record will find out.
			w.known[r.Topic] = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// abort lets readers go on at once instead of after transactionTimeout.
func (w *writer) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	_ = w.client.EndTransaction(ctx, kgo.TryAbort) // Else Kafka does it.
}
