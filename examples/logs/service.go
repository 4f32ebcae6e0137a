package main

import (
	"slices"
	"time"
)

const (
	// lateness is how many seconds behind a service's newest one are still open.
	// A line for an older one is late.
	lateness = 2
	// keep is how many seconds of a service's time are in the table.
	keep = 15 * 60
)

// head is what a service is at, beside its seconds.
type head struct {
	Newest  int64   `json:"newest"` // The newest second that a line has; 0 before the first.
	Alarm   alarm   `json:"alarm"`
	Senders senders `json:"senders"`
}

// service is the state of one service, in its own time: what is open, closed
// and forgotten depends on its lines and on no clock.
type service struct {
	head
	seconds map[int64]*second // The open ones, and the closed ones that are kept.
}

// changes are what a line has changed.
type changes struct {
	closed  []*second
	alerts  []alert
	current *second // The second that the line is in.
	gone    []int64 // Seconds that were forgotten.
}

// take counts a line; at is when its record was written.
func (s *service) take(l line, at time.Time) (c changes) {
	fresh := s.Senders.add(l)
	when := s.Newest // A repeat, and a line without a time, change nothing of the time.
	if when == 0 {
		when = max(at.Unix(), 1)
	}
	if fresh && !l.Time.IsZero() {
		when = l.Time.Unix()
	}
	if when > s.Newest {
		s.advance(when, &c)
	}
	late := when < s.Newest-lateness
	if late {
		when = s.Newest
	}
	if s.seconds[when] == nil {
		s.seconds[when] = newSecond(when)
	}
	c.current = s.seconds[when]
	switch {
	case !fresh:
		c.current.Repeats++
	case late:
		c.current.Late++
	default:
		c.current.count(l)
	}
	return c
}

// advance moves the newest second: closes those that lines are too late for
// from now on, judges the alarm with each of them, and forgets the oldest.
func (s *service) advance(to int64, c *changes) {
	from := s.Newest
	s.Newest = to
	// Behind as many silent seconds nothing changes any more.
	last := min(to-lateness-1, from+window+calm)
	for at := from - lateness; from > 0 && at <= last; at++ {
		if closed := s.seconds[at]; closed != nil {
			closed.P50, closed.P99 = percentile(closed.Millis, .5), percentile(closed.Millis, .99)
			c.closed = append(c.closed, closed)
		}
		lines, errors := s.sum(at)
		if state := s.Alarm.judge(lines, errors); state != "" {
			c.alerts = append(c.alerts, alert{State: state, At: at, Lines: lines, Errors: errors})
		}
	}
	for at := range s.seconds {
		if at < to-keep {
			c.gone = append(c.gone, at)
			delete(s.seconds, at)
		}
	}
	slices.Sort(c.gone)
}

// sum counts the window that ends with a second.
func (s *service) sum(end int64) (lines, errors int) {
	for at := end - window + 1; at <= end; at++ {
		if one := s.seconds[at]; one != nil {
			lines += one.Lines
			errors += one.Levels[levelError]
		}
	}
	return lines, errors
}
