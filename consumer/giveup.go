package consumer

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"sluice/internal/deadletter"
)

// failed decides what comes after an attempt that has failed: the same record
// once more, at once or later, or its end.
func (p *partition) failed(l *lane, f *failure) {
	if p.ctx.Err() != nil {
		return // Fenced: the handler was told to give up.
	}
	e := l.first
	p.group.handlerFailed(p.topicPartition, e.kafka.Offset, f)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	if f.hold > 0 {
		p.unbegin(l, f)
		return
	}
	l.attempts++
	l.failed = f
	l.failures[1] = time.Now()
	if l.attempts == 1 {
		l.failures[0] = l.failures[1]
	}
	switch class := p.verdict(l); {
	case class == "":
		p.states.Running--
		p.states.Retrying++
		delete(p.busy, l)
		p.await(l, f, max(p.group.config.Retry.pause(l.attempts), f.after), p.retry)
	case p.group.config.OnFailure == Stop, p.stateful() && class == deadletter.Panic:
		p.halt(l, fmt.Errorf("offset %d was given up (%s) after %d attempts: %w", e.kafka.Offset, class, l.attempts, f.err))
	default:
		p.group.letters.send(&burial{partition: p, lane: l, letter: p.letterOf(l, class)})
	}
}

// verdict returns why the first record of a lane is given up, or "" when it is
// tried again.
func (p *partition) verdict(l *lane) deadletter.Class {
	most := p.group.config.Retry.Attempts
	switch {
	case l.failed.class != "":
		return l.failed.class
	case most < 0 || l.attempts < most:
		return ""
	case l.failed.late:
		return deadletter.Timeout
	}
	return deadletter.Exhausted
}

// pause is how long a record waits after so many attempts have failed: half of
// it for certain, and a part of the other half that chance decides, so that
// records that failed together do not come together again.
func (r Retry) pause(attempts int) time.Duration {
	d := r.First
	for ; attempts > 1 && d < r.Max; attempts-- {
		d += min(d, r.Max-d)
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // G404: nobody gains by guessing it.
}

// unbegin puts back a record that the handler cannot take now. It was not an
// attempt.
func (p *partition) unbegin(l *lane, f *failure) {
	p.states.Running--
	p.states.Queued++
	delete(p.busy, l)
	if p.group.pool.hold(f.err, f.hold) {
		p.group.log.Warn("handler is held", slog.Duration("for", f.hold), slog.Any("error", f.err))
	}
	if !p.stopped && p.halted == nil {
		p.group.pool.add(l, true)
	}
	p.quiet()
}

// await has something done with a lane after a while, unless the partition is
// stopped before. No worker waits meanwhile.
func (p *partition) await(l *lane, why error, d time.Duration, then func(*lane)) {
	p.waiting[l] = true
	l.waits = why
	if !p.stopped {
		l.timer = time.AfterFunc(d, func() { then(l) })
	}
	p.quiet()
}

// retry makes a lane ready for the next attempt of its first record.
func (p *partition) retry(l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || !p.waiting[l] {
		return
	}
	p.states.Retrying--
	p.states.Queued++
	p.rest(l)
}

// halt ends the work on the partition: its first record that has not ended
// stays, and with it all behind it.
func (p *partition) halt(l *lane, why error) {
	p.states.Running--
	p.states.Queued++
	delete(p.busy, l)
	if p.halted == nil {
		p.halted = why
		p.flow()
		p.group.log.Error("partition is stopped",
			slog.String("topic", p.topic), slog.Int("partition", int(p.id)), slog.Any("error", why))
	}
	for other := range p.waiting {
		other.wake()
		p.states.Retrying--
		p.states.Queued++
	}
	clear(p.waiting)
	p.quiet()
}

// letterOf is what the dead letter of the first record of a lane says.
func (p *partition) letterOf(l *lane, class deadletter.Class) deadletter.Letter {
	r := &l.first.record
	letter := deadletter.Letter{
		Topic: r.Topic, TopicID: r.TopicID, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Group:        p.group.config.Group,
		Handler:      p.group.config.Name,
		Attempts:     l.attempts,
		Class:        class,
		Message:      l.failed.Error(),
		FirstFailure: l.failures[0],
		LastFailure:  l.failures[1],
	}
	switch {
	case l.first.redriven != nil:
		letter.Replays = l.first.redriven.Replays
	case p.source != "":
		// Somebody has written it by hand to where redriven dead letters are. It
		// can be redriven only as one of the topic that those are of; its topic's
		// id says whose the offset is.
		letter.Topic = p.source
	}
	return letter
}

// buried ends a record whose dead letter is in Kafka.
func (p *partition) buried(b *burial) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	e := b.lane.first
	p.finish(b.lane, &p.states.Dead)
	p.unrefuse(e)
	p.rest(b.lane)
}

// unburied deals with a dead letter that was not written: it is tried again
// later, or the partition halts where Kafka has refused it for good.
func (p *partition) unburied(b *burial, err error, again bool) {
	err = fmt.Errorf("write dead letter of %s/%d: %w", p.topic, p.id, err)
	p.group.errors.say("dead letter "+p.topic, err,
		slog.String("topic", p.topic), slog.Int("partition", int(p.id)), slog.Int64("offset", b.lane.first.kafka.Offset))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fenced {
		return
	}
	if !again {
		p.halt(b.lane, fmt.Errorf("offset %d was given up, and its dead letter refused: %w", b.lane.first.kafka.Offset, err))
		return
	}
	b.tries++
	p.states.Running--
	p.states.Retrying++
	delete(p.busy, b.lane)
	p.await(b.lane, err, letterRetry.pause(b.tries), func(l *lane) { p.rebury(b, l) })
}

// letterRetry says when a dead letter that was not written is sent again.
var letterRetry = Retry{First: time.Second, Max: 30 * time.Second}

func (p *partition) rebury(b *burial, l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.halted != nil || !p.waiting[l] {
		return
	}
	delete(p.waiting, l)
	p.busy[l] = true
	p.states.Retrying--
	p.states.Running++
	p.group.letters.send(b)
}
