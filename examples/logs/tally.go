package main

import (
	"fmt"
	"time"
)

// plain is the plain count of a second.
type plain struct {
	lines, unparsed, timed, late, repeats int
	levels                                [levels]int
}

// is reports whether a second of the table says the same.
func (p plain) is(s second) bool {
	timed, named := 0, 0
	for _, n := range s.Millis {
		timed += n
	}
	for _, n := range s.Templates {
		named += n
	}
	return p == plain{s.Lines, s.Unparsed, timed, s.Late, s.Repeats, s.Levels} && named == s.Lines
}

// tally is what the checker knows of a service: the truth, which it counts by
// itself from the lines of raw, and the table and the alerts, which have to say
// the same. It keeps what one of them has not told yet, and no more.
type tally struct {
	name string
	// The truth.
	newest  int64
	counts  map[int64]*plain
	senders senders // Of lines that others have sent.
	on      bool
	calm    int
	due     []alert // Alerts that were not told yet.
	// The table.
	tableNewest int64
	open        map[int64]second
	closed      map[int64]second
	// The alerts.
	told     []alert // Those that are not due yet: this is ahead of the truth.
	lastTold int64
	// What was compared.
	settled  int64 // Up to this second.
	ignored  int64 // Up to this one the truth was forgotten: the table has not come so far for long.
	compared int64
}

func newTally(name string) *tally {
	return &tally{name: name, counts: map[int64]*plain{}, open: map[int64]second{}, closed: map[int64]second{}}
}

// count counts a line of raw, as docs and README say that it is counted.
func (t *tally) count(l line, fresh bool, at time.Time) {
	when := t.newest
	if when == 0 {
		when = max(at.Unix(), 1)
	}
	if fresh && !l.Time.IsZero() {
		when = l.Time.Unix()
	}
	if when > t.newest {
		t.move(when)
	}
	late := when < t.newest-lateness
	if late {
		when = t.newest
	}
	p := t.counts[when]
	if p == nil {
		p = &plain{}
		t.counts[when] = p
	}
	switch {
	case !fresh:
		p.repeats++
		return
	case late:
		p.late++
		return
	}
	p.lines++
	p.levels[l.Level]++
	if l.Time.IsZero() {
		p.unparsed++
	}
	if l.Millis >= 0 {
		p.timed++
	}
}

// move says which alerts are due when the service's time moves on.
func (t *tally) move(to int64) {
	old := t.newest
	t.newest = to
	if old == 0 {
		return
	}
	for at := old - lateness; at < min(to-lateness, old+window+calm+1); at++ {
		lines, errors := 0, 0
		for n := range int64(window) {
			if p := t.counts[at-n]; p != nil {
				lines, errors = lines+p.lines, errors+p.levels[levelError]
			}
		}
		rate := float64(errors) / float64(max(lines, 1))
		switch {
		case !t.on && lines >= minLines && rate > .20:
			t.on, t.calm = true, 0
			t.due = append(t.due, alert{t.name, "begin", at, lines, errors})
		case t.on && rate < .05:
			if t.calm++; t.calm == calm {
				t.on = false
				t.due = append(t.due, alert{t.name, "end", at, lines, errors})
			}
		default:
			t.calm = 0
		}
	}
}

// opened takes a record of the table with an open second.
func (t *tally) opened(v openValue) (wrong []string) {
	before, there := t.open[v.Second.At]
	switch {
	case v.Newest < t.tableNewest:
		wrong = append(wrong, fmt.Sprintf("%s: the table went back from second %d to %d", t.name, t.tableNewest, v.Newest))
	case there && total(v.Second) <= total(before):
		wrong = append(wrong, fmt.Sprintf("%s: second %d went back from %d lines to %d", t.name, v.Second.At, total(before), total(v.Second)))
	}
	t.tableNewest = max(t.tableNewest, v.Newest)
	t.open[v.Second.At] = v.Second
	for at := range t.open {
		if at < t.tableNewest-lateness {
			delete(t.open, at)
		}
	}
	return wrong
}

func total(s second) int { return s.Lines + s.Late + s.Repeats }

// shut takes a record of the table with a closed second.
func (t *tally) shut(at int64, s second) (wrong []string) {
	if at <= t.ignored {
		return nil
	}
	if _, there := t.closed[at]; there || at <= t.settled {
		return []string{fmt.Sprintf("%s: second %d was closed a second time", t.name, at)}
	}
	t.closed[at] = s
	return nil
}

// gone takes a tombstone of the table.
func (t *tally) gone(at int64) (wrong []string) {
	if at >= t.tableNewest-keep {
		return []string{fmt.Sprintf("%s: second %d was forgotten too early", t.name, at)}
	}
	return nil
}

// settle compares the seconds that the truth and the table have both closed.
func (t *tally) settle() (wrong []string) {
	upto := min(t.newest, t.tableNewest) - lateness - 1
	for at, p := range t.counts {
		if at <= t.settled || at > upto {
			continue
		}
		if s, there := t.closed[at]; !there {
			wrong = append(wrong, fmt.Sprintf("%s: second %d is not in the table; it has %d lines", t.name, at, p.lines))
		} else if !p.is(s) {
			wrong = append(wrong, fmt.Sprintf("%s: second %d is %+v in the table, and the plain count is %+v", t.name, at, s, *p))
		}
		t.compared++
	}
	for at := range t.closed {
		if at > t.settled && at > t.ignored && at <= upto && t.counts[at] == nil {
			wrong = append(wrong, fmt.Sprintf("%s: second %d is in the table, and no line is of it", t.name, at))
		}
		if at <= upto {
			delete(t.closed, at)
		}
	}
	t.settled = max(t.settled, upto)
	for at := range t.counts {
		if at < t.newest-keep && at > t.settled {
			t.ignored = max(t.ignored, at)
		}
		if at <= t.ignored || at < t.settled-window { // The window of the next alert is needed still.
			delete(t.counts, at)
		}
	}
	return wrong
}

// tell takes an alert as it was told.
func (t *tally) tell(a alert) (wrong []string) {
	if a.At <= t.lastTold {
		return []string{fmt.Sprintf("%s: the alert %+v was told again, or out of order", t.name, a)}
	}
	t.lastTold = a.At
	t.told = append(t.told, a)
	return nil
}

// match compares the alerts that are due with those that were told.
func (t *tally) match() (wrong []string) {
	for len(t.told) > 0 {
		told := t.told[0]
		switch {
		case len(t.due) > 0 && t.due[0] == told:
			t.due, t.told = t.due[1:], t.told[1:]
		case len(t.due) > 0 && t.due[0].At <= told.At:
			wrong = append(wrong, fmt.Sprintf("%s: the alert %+v is due, and %+v was told", t.name, t.due[0], told))
			t.due = t.due[1:]
		case t.newest-lateness > told.At:
			wrong = append(wrong, fmt.Sprintf("%s: the alert %+v was told, and is not due", t.name, told))
			t.told = t.told[1:]
		default:
			return wrong
		}
	}
	return wrong
}

// waiting counts the closed seconds and the alerts that the table and the topic
// of alerts have not told yet.
func (t *tally) waiting() (n int64) {
	for at := range t.counts {
		if at > t.settled && at < t.newest-lateness {
			n++
		}
	}
	return n + int64(len(t.due))
}

// complete reports whether the table and the alerts are where the truth is.
func (t *tally) complete() bool {
	if t.newest != t.tableNewest || len(t.due)+len(t.told)+len(t.closed) > 0 {
		return false
	}
	for at := t.newest - lateness; at <= t.newest; at++ {
		p, s := t.counts[at], t.open[at]
		if p == nil {
			p = &plain{}
		}
		if !p.is(s) {
			return false
		}
	}
	return true
}
