package producer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/kafka"
)

const (
	// stallAfter is how long a flight may be out before the topic counts as
	// stuck and requests for it are refused instead of queued.
	stallAfter = 2 * time.Second
	watchEvery = 250 * time.Millisecond
)

// Run connects to Kafka, trying every five seconds for ever, and then keeps
// what the Writer knows of the cluster up to date until ctx ends or Close is
// called. It must be called once. Records can be written until Close.
func (w *Writer) Run(ctx context.Context) error {
	w.running.Store(true)
	defer close(w.ran)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // Ends with ctx, at the latest when Run returns.
		select {
		case <-w.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	control, err := kafka.NewControl(w.conn, w.log)
	if err != nil {
		return err
	}
	err = kafka.Connect(ctx, func(ctx context.Context) error {
		return control.Prepare(ctx, w.conn.Create, w.cfg.Topic)
	}, func(err error) {
		w.log.Warn("Kafka producer not available. Retrying in 5 seconds...", slog.Any("error", err)) //nolint:sloglint // the original's line, which people grep for.
	})
	if err != nil {
		control.Close()
		return nil // Stopped before Kafka ever answered.
	}
	c, err := w.connect(ctx, control)
	if err != nil {
		control.Close()
		return err
	}
	// Known before the first request, and so is a missing one.
	if _, err := c.topics.Refresh(ctx, w.cfg.Topic, stallAfter); err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "topic is not usable yet", slog.String("topic", w.cfg.Topic), slog.Any("error", err))
	}
	w.started.Store(c)
	w.log.Info("Kafka producer connected") //nolint:sloglint // the original's line, which people grep for.

	var wg sync.WaitGroup
	wg.Go(func() { c.link.Run(ctx) })
	wg.Go(func() { c.topics.Run(ctx, w.cfg.Topic) })
	wg.Go(func() { c.watch(ctx) })
	wg.Wait()
	c.crew.dismiss()
	return nil
}

// connect makes the clients. None of them dials before it is used.
func (w *Writer) connect(ctx context.Context, control *kafka.Control) (*cluster, error) {
	c := &cluster{log: w.log, control: control, topics: kafka.NewTopics(control), link: kafka.NewLink(control, w.log), metrics: w.metrics}
	c.crew.ctx = ctx //nolint:fatcontext // It is the one of the whole run.
	c.newClient = func() (*client, error) { return newClient(w.cfg, w.conn, c.topics, w.log, c.link, w.seen) }
	for i := range c.berths {
		client, err := c.newClient()
		if err != nil {
			for _, made := range c.berths[:i] {
				made.client.Load().kafka.Close()
			}
			return nil, err
		}
		c.berths[i] = &berth{}
		c.berths[i].client.Store(client)
	}
	return c, nil
}

// watch looks for flights that do not land, until ctx ends: at intervals, and
// at once when the cluster stops answering.
func (c *cluster) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		changed := c.link.Changed()
		gone := c.link.Away()
		now := time.Now()
		c.queues.Range(func(_, v any) bool {
			q := v.(*queue)
			before, reason := now.Add(-stallAfter), refuse(Away, "Kafka has not acknowledged records of topic %s for %s", q.topic, stallAfter)
			if gone != nil {
				before, reason = now, away(gone)
			}
			if q.stall(before, reason) {
				c.log.WarnContext(ctx, "topic is stuck, its records are refused", slog.String("topic", q.topic), slog.Any("reason", reason))
			}
			return true
		})
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// Cut ends all waiting now: what is queued is refused, what is with Kafka is
// answered as unknown.
func (w *Writer) Cut() { w.cutOnce.Do(func() { close(w.cut) }) }

// Close refuses further records, ends Run, flushes what is with the clients
// until ctx ends, and closes them. A record that is not acknowledged by then
// was answered as unknown; it is only counted in the log. Close must be called
// once.
func (w *Writer) Close(ctx context.Context) {
	w.draining.Store(true)
	w.EndStreams()
	w.Cut()
	close(w.quit)
	if w.running.Load() {
		<-w.ran
	}
	c := w.started.Load()
	if c == nil {
		return
	}
	var wg sync.WaitGroup
	for _, at := range c.berths {
		wg.Go(func() {
			client := at.client.Load()
			if err := client.kafka.Flush(ctx); err != nil {
				w.log.WarnContext(ctx, "records were not acknowledged before the end",
					slog.Int64("records", client.kafka.BufferedProduceRecords()), slog.Any("error", err))
			}
			client.kafka.Close()
		})
	}
	wg.Wait()
	c.control.Close()
	w.log.InfoContext(ctx, "Kafka producer stopped")
}
