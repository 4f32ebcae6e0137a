package consumer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchRetryEvery is the pause after a fetch that the broker has refused.
const fetchRetryEvery = time.Second

// poller lets other goroutines have something done by the poll loop, between a
// poll and the moment that it allows a rebalance: the one place where the
// assignment cannot change.
type poller struct {
	mu    sync.Mutex
	tasks []func()
	wake  context.CancelFunc
}

// do has f run by the poll loop, soon. It is dropped when the loop has ended.
func (p *poller) do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = append(p.tasks, f)
	if p.wake != nil {
		p.wake()
	}
}

// context returns the context of the next poll, which ends at once when there
// is something to do.
func (p *poller) context(ctx context.Context) (context.Context, context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	p.wake = cancel
	if len(p.tasks) > 0 {
		cancel()
	}
	return ctx, cancel
}

func (p *poller) take() []func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	tasks := p.tasks
	p.tasks = nil
	return tasks
}

// pollLoop moves what the client has fetched into the queues until StopPolling.
// It waits for nothing but the client.
func (g *Group) pollLoop() {
	for g.polls.Err() == nil {
		ctx, cancel := g.polling.context(g.polls)
		fetches := g.client.PollFetches(ctx)
		cancel()
		if g.polls.Err() == nil {
			for _, task := range g.polling.take() {
				task()
			}
			g.dispatch(fetches)
		}
		g.client.AllowRebalance()
	}
}

// dispatch looks at errors first: one that says that the log was cut precedes
// the records that were fetched from there.
func (g *Group) dispatch(fetches kgo.Fetches) {
	fetches.EachError(g.fetchFailed)
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if len(f.Records) == 0 {
			return
		}
		tp := topicPartition{f.Topic, f.Partition}
		p := g.assignment(tp)
		if p == nil {
			if g.isRereading(tp.topic) {
				return // Records of the topic that was deleted.
			}
			g.errors.say(tp.topic, errors.New("records were fetched of a partition that is not assigned"),
				slog.String("topic", tp.topic), slog.Int("partition", int(tp.id)))
			return
		}
		p.push(f.Records)
	})
}

// fetchFailed deals with an error that the client cannot mend by itself.
func (g *Group) fetchFailed(topic string, id int32, err error) {
	tp := topicPartition{topic, id}
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return // Our own doing.
	}
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		g.logCut(tp, loss)
		return
	}
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		g.outOfRange(tp)
	case errors.Is(err, kerr.UnknownTopicID):
		g.topicGone(topic)
	default:
		attrs := []any{}
		if topic != "" {
			attrs = append(attrs, slog.String("topic", topic), slog.Int("partition", int(id)))
		}
		g.errors.say(topic, err, attrs...)
		g.rest(tp)
	}
}

// rest lets a partition whose fetch has failed for good, such as one that we
// may not read, be for a while: the client would ask again at once and for
// ever, as fast as the broker refuses. Where it was refused the offset that the
// group has committed, it would not ask again at all.
func (g *Group) rest(tp topicPartition) {
	p := g.assignment(tp)
	if p == nil || !p.hold(true) {
		return
	}
	g.work.Go(func() {
		pause := fetchRetryEvery
		if !p.isPlaced() {
			pause = complainEvery
		}
		select {
		case <-p.stopping:
			return
		case <-time.After(pause):
		}
		p.hold(false)
		if !p.isPlaced() {
			g.reread(tp.topic)
		}
	})
}

// assignment returns the partition, or nil where it is not ours.
func (g *Group) assignment(tp topicPartition) *partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.partitions[tp]
}

// all returns the partitions that are ours.
func (g *Group) all() []*partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.partitions))
}
