package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/access"
	"sluice/internal/deadletter"
)

// run is one redrive of this process.
type run struct {
	service *Service
	request Request
	log     *slog.Logger
	client  *kgo.Client
	cluster *cluster
	writer  *writer
	sources []*source
	brokers int
	home    *topic // where its status is; nil for a dry run
	stop    context.CancelCauseFunc
	done    chan struct{}

	// What follows belongs to the run's own goroutine.
	pace    *pace
	reasons reasons
	batch   batch
	counts  Counts // with what is in the batch
	written time.Time

	mu     sync.Mutex
	status Redrive
}

// newRun looks up what a redrive needs, and makes the topics that it writes to.
func (s *Service) newRun(ctx context.Context, q Request, caller Caller) (_ *run, err error) {
	var opts []kgo.Opt
	if !q.DryRun {
		opts = transactional(q.Group)
	}
	client, err := s.connect(opts...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			client.Close()
		}
	}()
	r := &run{
		service: s, request: q, log: s.deps.Log, client: client,
		cluster: newCluster(client),
		writer:  &writer{client: client, patience: s.patience},
		pace:    newPace(q.Rate), done: make(chan struct{}),
	}
	all, brokers, err := r.cluster.topics(ctx)
	if err != nil {
		return nil, err
	}
	r.brokers = brokers
	if r.sources, err = sources(all, q.Group, q.Topic); err != nil {
		return nil, err
	}
	for _, source := range r.sources {
		if !caller.may(access.Operate, source.name) {
			return nil, fmt.Errorf("%w: this principal may not operate on every topic of which group %s has dead letters; name one in the request", ErrForbidden, q.Group)
		}
	}
	id := newIdentity(r.sources[0].name, 0)
	if !q.DryRun {
		if id, err = r.prepare(ctx, id); err != nil {
			return nil, err
		}
	}
	now := time.Now().UTC()
	r.status = Redrive{
		ID: id.String(), Group: q.Group, Request: q, Principal: caller.Name,
		State: Running, Started: now, Updated: now,
	}
	for _, source := range r.sources {
		r.status.Topics = append(r.status.Topics, source.name)
	}
	r.cluster.patience = s.patience
	return r, nil
}

// prepare sees to the topics that the run writes to. Its status is in the
// redrives topic of the first source.
func (r *run) prepare(ctx context.Context, id identity) (identity, error) {
	for _, source := range r.sources {
		var err error
		if source.maxBatch, err = r.cluster.prepare(ctx, source, r.request.Group, r.brokers, r.service.deps.Create); err != nil {
			return id, err
		}
	}
	r.home = r.sources[0].redrives
	var err error
	id.offset, err = r.cluster.offset(ctx, r.home, receiptPartition, latest, everything)
	return id, err
}

func (r *run) snapshot() Redrive {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.status
	status.Topics = slices.Clone(status.Topics)
	return status
}

// update changes the status.
func (r *run) update(change func(*Redrive)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Updated = time.Now().UTC()
	change(&r.status)
}

// main is the run's goroutine. It ends when there is nothing left to do, when
// ctx ends, at the next batch, and for good when the service's does.
func (r *run) main(ctx context.Context) {
	defer r.client.Close()
	audit(ctx, r.log, "redrive started", r.status.Principal, r.snapshot())
	r.finish(ctx, r.work(ctx))
	end := r.snapshot()
	level := slog.LevelInfo
	if end.State == Failed || end.State == TakenOver {
		level = slog.LevelWarn
	}
	r.log.Log(ctx, level, "redrive ended",
		slog.String("group", end.Group), slog.String("redrive", end.ID), slog.String("state", string(end.State)),
		slog.Int64("redriven", end.Counts.Redriven), slog.Int64("scanned", end.Counts.Scanned),
		slog.String("error", end.Error))
}

// work takes the group over and goes through its dead letters.
func (r *run) work(ctx context.Context) error {
	if !r.request.DryRun {
		// Not cut off when the run is told to stop: it could not say so then.
		if err := r.writer.take(r.service.ctx); err != nil {
			return err
		}
	}
	for _, source := range r.sources {
		if err := r.redrive(ctx, source); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// redrive goes through the dead letters of a source that are there now. It
// returns errEnough when the limit leaves nothing more to do.
//
// The receipts are read after the transactional id was taken, and to the end
// that is there then, open transactions included: a receipt that is not seen
// would double its letter.
func (r *run) redrive(ctx context.Context, s *source) error {
	letters, err := r.cluster.spans(ctx, s.dlq, committed)
	if err != nil {
		return err
	}
	level := everything
	if r.request.DryRun {
		level = committed
	}
	ledger, err := r.cluster.readLedger(ctx, s, letters, level)
	if err != nil {
		return err
	}
	if err := r.succeed(s, ledger); err != nil {
		return err
	}
	for partition, span := range letters {
		err := r.cluster.reader(s.dlq, int32(partition), span).each(ctx,
			func(record *kgo.Record) error { return r.one(ctx, s, ledger, record) },
			func() error { return r.alive(s) })
		if errors.Is(err, errEnough) {
			if err := r.flush(s); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return r.flush(s)
}

// succeed ends, in Kafka, the statuses of redrives that cannot be running any
// more, and writes the first of this one. It is the first transaction of the
// source.
func (r *run) succeed(s *source, l *ledger) error {
	if r.request.DryRun {
		return nil
	}
	for id, status := range l.unfinished {
		if id == r.snapshot().ID {
			continue
		}
		status.State, status.Ended, status.Updated = TakenOver, time.Now().UTC(), time.Now().UTC()
		status.Error = "redrive " + r.snapshot().ID + " has taken over"
		record, err := newStatus(s.redrives, status)
		if err != nil {
			return err
		}
		r.batch.records = append(r.batch.records, record)
	}
	return r.write(true)
}

// one looks at one record of a dead-letter topic. It returns errEnough when the
// limit is reached.
func (r *run) one(ctx context.Context, s *source, ledger *ledger, record *kgo.Record) error {
	l, ok := newLetter(record, s.name, r.request.Group)
	outcome := &r.counts.Redriven
	switch {
	case !ok:
		outcome = &r.counts.Foreign
	case ledger.has(record.Partition, record.Offset):
		outcome = &r.counts.Already
	case !r.request.matches(l):
		outcome = &r.counts.Filtered
	case l.Replays >= r.request.MaxReplays:
		outcome = &r.counts.Guarded
	case r.request.DryRun:
		r.reasons.add(l)
	default:
		if err := r.take(ctx, s, l); err != nil {
			return err
		}
	}
	*outcome++
	r.counts.Scanned++
	if r.counts.Redriven == r.request.Limit && outcome == &r.counts.Redriven {
		return errEnough
	}
	return nil
}

// take puts a letter into the batch when its turn comes.
func (r *run) take(ctx context.Context, s *source, l *letter) error {
	delay := r.pace.next()
	if r.batch.due(delay) {
		if err := r.flush(s); err != nil {
			return err
		}
	}
	if err := wait(ctx, delay, func() error { return r.alive(s) }); err != nil {
		return err
	}
	retry := l.retry(s.retry.name, s.retry.partitions)
	if r.batch.full(size(retry), r.service.most, s.maxBatch) {
		if err := r.flush(s); err != nil {
			return err
		}
	}
	receipt, err := newReceipt(s, l, r.snapshot())
	if err != nil {
		return err
	}
	r.batch.add(retry, receipt)
	return nil
}

// alive brings the status up to date where nothing else has for a while.
func (r *run) alive(s *source) error {
	r.publish()
	if r.request.DryRun || time.Since(r.written) < aliveEvery {
		return nil
	}
	return r.flushOr(s, true)
}

// flush writes the batch.
func (r *run) flush(s *source) error {
	r.publish()
	return r.flushOr(s, false)
}

func (r *run) flushOr(s *source, always bool) error {
	if r.request.DryRun || r.batch.letters == 0 && !always {
		return nil
	}
	if err := r.write(always || time.Since(r.written) >= statusEvery); err != nil {
		return fmt.Errorf("redrive of %s: %w", deadletter.Topic(s.name, r.request.Group), err)
	}
	return nil
}

// publish makes the counts visible, without what is not written yet.
func (r *run) publish() {
	counts := r.counts
	counts.Scanned -= int64(r.batch.letters)
	counts.Redriven -= int64(r.batch.letters)
	r.update(func(status *Redrive) { status.Counts = counts })
}

// write writes what is in the batch in one transaction, with the status as it
// will be then. It is not cut off when the run is told to stop, only when the
// process ends.
func (r *run) write(withStatus bool) error {
	status := r.snapshot()
	status.Counts, status.Updated = r.counts, time.Now().UTC()
	records := r.batch.records
	if withStatus {
		record, err := newStatus(r.home, status)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if err := r.writer.write(r.service.ctx, records); err != nil {
		return err
	}
	if withStatus {
		r.written = time.Now()
	}
	r.batch = batch{}
	r.publish()
	return nil
}

// finish says how the run has ended, here and, unless somebody else has taken
// over, in Kafka.
func (r *run) finish(ctx context.Context, err error) {
	state, text := Done, ""
	switch {
	case err == nil:
	case errors.Is(err, errTakenOver):
		state, text = r.successor(err)
	case ctx.Err() != nil && !r.writer.broken:
		state, text = Stopped, context.Cause(ctx).Error()
	default:
		state, text = Failed, err.Error()+"; it is safe to run it again"
	}
	// What was not written will not be.
	r.counts.Scanned -= int64(r.batch.letters)
	r.counts.Redriven -= int64(r.batch.letters)
	r.batch = batch{}
	r.update(func(status *Redrive) {
		status.State, status.Error, status.Ended, status.Counts = state, text, status.Updated, r.counts
		if r.request.DryRun {
			status.Reasons = r.reasons.histogram()
		}
	})
	if r.request.DryRun || r.writer.broken {
		return
	}
	if err := r.write(true); err != nil && !errors.Is(err, errTakenOver) {
		r.log.WarnContext(ctx, "the last status of a redrive could not be written", slog.String("redrive", r.status.ID), slog.Any("error", err))
	}
}

// successor asks Kafka who has ended this run: one that was stopped from
// another replica looks like one that was taken over.
func (r *run) successor(err error) (State, string) {
	ctx, cancel := context.WithTimeout(r.service.ctx, askPatience)
	defer cancel()
	mine := r.snapshot()
	mine.State, mine.Error = TakenOver, err.Error()
	mine = r.service.confirm(ctx, mine)
	return mine.State, mine.Error
}
