package consumer

import (
	"log/slog"
	"sync"
	"time"
)

// maxComplaints bounds the memory that errors which differ each time take.
const maxComplaints = 1000

// complaints logs errors of the loop, each distinct one at most every five
// seconds, so that an error that repeats a thousand times a second neither
// floods the log nor hides another.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

// say logs err of the place, unless the same was said in the last five seconds.
func (c *complaints) say(place string, err error, attrs ...any) {
	key := place + "\x00" + err.Error()
	now := time.Now()
	c.mu.Lock()
	last, said := c.last[key]
	if said && now.Sub(last) < complainEvery {
		c.mu.Unlock()
		return
	}
	if c.last == nil || len(c.last) >= maxComplaints {
		c.last = map[string]time.Time{}
	}
	c.last[key] = now
	c.mu.Unlock()
	logLoopError(c.log, err, attrs...)
}

// logLoopError writes the original system's line, which people grep for.
func logLoopError(log *slog.Logger, err error, attrs ...any) {
	//nolint:sloglint // static-msg: the contract has the error in the message itself.
	log.Error("Error in consumer loop: "+err.Error(), attrs...)
}

// handlerFailed reports an attempt that failed.
func (g *Group) handlerFailed(tp topicPartition, offset int64, failed *failure) {
	attrs := []any{
		slog.String("topic", tp.topic),
		slog.Int("partition", int(tp.id)),
		slog.Int64("offset", offset),
	}
	if failed.stack != nil {
		attrs = append(attrs, slog.String("stack", string(failed.stack)))
	}
	g.metrics.errors.WithLabelValues(failed.kind()).Inc()
	if failed.hold == 0 { // A hold is logged once.
		logLoopError(g.log, failed, attrs...)
	}
}

// watchAway says every five seconds that Kafka is away, while it is.
func (g *Group) watchAway() {
	if g.deps.Away == nil {
		return
	}
	ticker := time.NewTicker(complainEvery)
	defer ticker.Stop()
	for {
		select {
		case <-g.polls.Done():
			return
		case <-ticker.C:
		}
		if err := g.deps.Away(); err != nil {
			logLoopError(g.log, err)
		}
	}
}
