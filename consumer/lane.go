package consumer

import "time"

// lane is records of a partition that are handled one after the other: all of
// the partition, those of one key, or a single one. It is in one place at a
// time: with a worker (or on its way to the dead letters), waiting for the next
// attempt of its first record, in the pool, or nowhere. Its partition's lock
// guards it.
type lane struct {
	partition   *partition
	key         string
	first, last *entry
	next        *lane // in the pool

	// Of the first record.
	began    time.Time    // the attempt that runs
	attempts int          // that have failed
	failures [2]time.Time // of the first and the last of them
	failed   *failure     // the last of them
	timer    *time.Timer  // ends the wait for the next one
	waits    error        // why it waits
}

func (l *lane) push(e *entry) {
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
}

// pop takes the first record off, and forgets how it fared.
func (l *lane) pop() {
	e := l.first
	l.first = e.next
	e.next = nil
	if l.first == nil {
		l.last = nil
	}
	if l.failed != nil {
		l.attempts, l.failures, l.failed = 0, [2]time.Time{}, nil
	}
}

// wake ends the wait for another attempt, if there is one: a partition that is
// stopped has no timers.
func (l *lane) wake() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// laneOf returns the lane that the record goes to. Which records wait for each
// other is decided here and nowhere else.
func (p *partition) laneOf(e *entry) *lane {
	switch p.group.config.Order {
	case OrderKey:
		l := p.lanes[string(e.kafka.Key)]
		if l == nil {
			l = &lane{partition: p, key: string(e.kafka.Key)}
			p.lanes[l.key] = l
		}
		return l
	case OrderNone:
		return &lane{partition: p}
	default:
		return &p.lane
	}
}
