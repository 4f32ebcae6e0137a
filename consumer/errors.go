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

// maxFailures is how many failures of the handler are logged in five seconds. A
// topic full of records that fail would else write a line, or the stack of a
// panic, for each as fast as Kafka delivers them.
const maxFailures = 100

// failures bounds how many failures are logged.
type failures struct {
	mu     sync.Mutex
	since  time.Time
	said   int
	unsaid int
}

// say reports whether one more may be logged, and how many were not before.
func (f *failures) say() (unsaid int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.since) >= complainEvery {
		f.since, f.said = now, 0
	}
	if f.said == maxFailures {
		f.unsaid++
		return 0, false
	}
	f.said++
	unsaid, f.unsaid = f.unsaid, 0
	return unsaid, true
}

// handlerFailed reports an attempt that failed.
func (g *Group) handlerFailed(tp topicPartition, offset int64, failed *failure) {
	g.metrics.errors.WithLabelValues(failed.kind()).Inc()
	if failed.hold > 0 {
		return // A hold is logged once.
	}
	unsaid, ok := g.failures.say()
	if !ok {
		return
	}
	attrs := []any{
		slog.String("topic", tp.topic),
		slog.Int("partition", int(tp.id)),
		slog.Int64("offset", offset),
	}
	if failed.stack != nil {
		attrs = append(attrs, slog.String("stack", string(failed.stack)))
	}
	if unsaid > 0 {
		attrs = append(attrs, slog.Int("failures_not_logged", unsaid))
	}
	logLoopError(g.log, failed, attrs...)
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
