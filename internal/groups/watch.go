package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/kafka"
)

const (
	// watchEvery is how often the watchdog looks, and watchTimeout how long a
	// look may take.
	watchEvery   = 10 * time.Second
	watchTimeout = 8 * time.Second
	// watchMemory is how old an answer may be that metrics are made of.
	watchMemory = time.Minute
	// defaultStuckAfter is for handlers that say nothing.
	defaultStuckAfter = 5 * time.Minute
)

// Watch looks at the groups of this program's handlers every ten seconds. It
// exports how far each is behind, and warns of a partition that has records and
// makes no progress. A scrape never waits for Kafka: it gets the last answer,
// and no values any more once that is a minute old.
type Watch struct {
	inspector *Inspector
	log       *slog.Logger
	now       func() time.Time
	watched   []*watched
}

// watched is one group, and what is known of it.
type watched struct {
	question   Question
	stuckAfter time.Duration
	failing    bool // The last look has failed for another reason than Kafka's absence.
	partitions map[place]*progress

	mu   sync.Mutex
	last *Group // nil before the first answer
	// stuck are the partitions of last that are.
	stuck map[place]bool
}

// NewWatch makes a Watch and registers its metrics. The error is a metric that
// is registered already.
func NewWatch(inspector *Inspector, handlers []Handler, log *slog.Logger, metrics prometheus.Registerer) (*Watch, error) {
	w := &Watch{inspector: inspector, log: log, now: time.Now}
	for _, h := range handlers {
		stuckAfter := cmp.Or(h.StuckAfter, defaultStuckAfter)
		// Two handlers of one group share its partitions.
		if n := slices.IndexFunc(w.watched, func(g *watched) bool { return g.question.Group == h.Group }); n >= 0 {
			g := w.watched[n]
			g.question.Topics = slices.Concat(g.question.Topics, h.Topics)
			g.stuckAfter = min(g.stuckAfter, stuckAfter)
			continue
		}
		w.watched = append(w.watched, &watched{question: h.question(), stuckAfter: stuckAfter, partitions: map[place]*progress{}})
	}
	if err := metrics.Register(&collector{w}); err != nil {
		return nil, fmt.Errorf("register metrics of groups: %w", err)
	}
	return w, nil
}

// Run looks until ctx ends, and returns nil. It can be called once.
func (w *Watch) Run(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look looks at all groups once, at the same time.
func (w *Watch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, g := range w.watched {
		wg.Go(func() { w.lookAt(ctx, g) })
	}
	wg.Wait()
}

func (w *Watch) lookAt(ctx context.Context, g *watched) {
	seen, err := w.inspector.Inspect(ctx, g.question)
	if err != nil {
		// That Kafka is away is said elsewhere, and shows in the age of the answer.
		if away := errors.Is(err, kafka.ErrAway); !away && !g.failing {
			w.log.WarnContext(ctx, "group cannot be watched", slog.String("group", g.question.Group), slog.Any("error", err))
			g.failing = true
		}
		return
	}
	g.failing = false
	seen.Partitions = slices.DeleteFunc(seen.Partitions, func(p PartitionLag) bool { return !p.Subscribed })
	stuck := map[place]bool{}
	partitions := map[place]*progress{} // Those that are gone are forgotten.
	for _, lag := range seen.Partitions {
		at := place{lag.Topic, lag.Partition}
		p := g.partitions[at]
		if p == nil {
			p = &progress{}
		}
		partitions[at] = p
		since := p.since
		switch p.see(lag, w.now(), g.stuckAfter) {
		case becameStuck:
			w.log.WarnContext(ctx, "partition is stuck", append(g.describe(lag), slog.Time("since", since),
				slog.String("member", seen.memberOf(lag)))...)
		case movesAgain:
			w.log.InfoContext(ctx, "partition is no longer stuck", append(g.describe(lag),
				slog.Duration("stuck_for", w.now().Sub(since).Round(time.Second)), slog.String("member", seen.memberOf(lag)))...)
		case nothing:
		}
		if p.stuck {
			stuck[at] = true
		}
	}
	g.partitions = partitions
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last, g.stuck = seen, stuck
}

func (g *watched) describe(lag PartitionLag) []any {
	attrs := []any{
		slog.String("group", g.question.Group), slog.String("topic", lag.Topic), slog.Int("partition", int(lag.Partition)),
		slog.Int64("lag", *lag.Lag), slog.Int64("committed", lag.Committed),
	}
	if lag.LagSeconds != nil {
		attrs = append(attrs, slog.Float64("lag_seconds", *lag.LagSeconds))
	}
	return attrs
}

// memberOf names the member that has a partition, for people.
func (g *Group) memberOf(lag PartitionLag) string {
	for _, m := range g.Members {
		if lag.Member != "" && m.ID == lag.Member {
			return m.String()
		}
	}
	if len(g.Members) > 0 && g.State != "Stable" {
		return "not known while the group is " + g.State
	}
	return "nobody"
}
