package main

import (
	"fmt"
	"time"
)

// account is what is said of a second, by the plain count or by the table: when
// it is closed, and before that with each line that comes.
type account struct {
	counts
	Newest int64 // The newest second of the service; 0 where this one is closed.
	Timed  int   // Lines with a latency,
	Named  int   // and with a template.
}

// accountOf is what a record of the table says.
func accountOf(r row) account {
	a := account{counts: r.counts}
	for _, n := range r.Millis {
		a.Timed += n
	}
	for _, n := range r.Templates {
		a.Named += n
	}
	if r.Head != nil {
		a.Newest = r.Head.Newest
	}
	return a
}

// tally is what the checker knows of a service: the truth, which it counts by
// itself from the lines of raw, and what the table and the alerts say of it.
type tally struct {
	name       string
	newest     int64
	counts     map[int64]*account // The open seconds, and those that the next alert may need.
	senders    senders            // Of lines that others have sent.
	on         bool
	calm       int
	table      pair[account]
	alerts     pair[alert]
	deliveries pair[alert] // Of the alerts to the receiver.
	arrived    int64       // The last of them is of this second.
	kept       int64       // Up to this second the table may forget.
	compared   int64       // Closed seconds.
	delivered  int64
}

// count counts a line of raw as README.md says that it is counted.
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
	a := t.counts[when]
	if a == nil {
		a = &account{counts: counts{At: when}}
		t.counts[when] = a
	}
	switch {
	case !fresh:
		a.Repeats++
	case late:
		a.Late++
	default:
		a.Lines++
		a.Named++
		a.Levels[l.Level]++
		if l.Time.IsZero() {
			a.Unparsed++
		}
		if l.Millis >= 0 {
			a.Timed++
		}
	}
	open := *a
	open.Newest = t.newest
	t.table.due = append(t.table.due, open)
}

// move says which seconds are closed, and which alerts are due, when the
// service's time moves on.
func (t *tally) move(to int64) {
	old := t.newest
	t.newest = to
	for at := old - lateness; old > 0 && at < min(to-lateness, old+window+calm+1); at++ {
		if closed := t.counts[at]; closed != nil {
			t.table.due = append(t.table.due, *closed)
		}
		lines, errors := 0, 0
		for n := range int64(window) {
			if a := t.counts[at-n]; a != nil {
				lines, errors = lines+a.Lines, errors+a.Levels[levelError]
			}
		}
		rate := float64(errors) / float64(max(lines, 1))
		switch {
		case !t.on && lines >= minLines && rate > .20:
			t.on, t.calm = true, 0
			t.alerts.due = append(t.alerts.due, alert{t.name, "begin", at, lines, errors})
		case t.on && rate < .05:
			if t.calm++; t.calm == calm {
				t.on = false
				t.alerts.due = append(t.alerts.due, alert{t.name, "end", at, lines, errors})
			}
		default:
			t.calm = 0
		}
	}
	for at := range t.counts {
		if at < to-lateness-window {
			delete(t.counts, at)
		}
	}
}

// match compares what is known up to now.
func (t *tally) match() (wrong []string) {
	seconds, wrong := t.table.match(t.name)
	for _, a := range seconds {
		if t.kept = max(t.kept, a.Newest-keep); a.Newest == 0 {
			t.compared++
		}
	}
	_, more := t.alerts.match(t.name)
	wrong = append(wrong, more...)
	arrived, more := t.deliveries.match("the receiver: " + t.name)
	t.delivered += int64(len(arrived))
	wrong = append(wrong, more...)
	if told := t.alerts.told; len(told) > 0 && told[0].At < t.newest-lateness {
		t.alerts.told = nil
		wrong = append(wrong, fmt.Sprintf("%s: the alert %+v was told, and is not due", t.name, told[0]))
	}
	return wrong
}
