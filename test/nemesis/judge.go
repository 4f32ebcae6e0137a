//go:build unix

package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sluice/internal/deadletter"
)

// The judge knows the topic as it is in the end, what each process of a member
// wrote down, the dead letters, and what the group had committed at each poll.
//
// What is judged:
//
//   - Each record of the topic, and so each that was acknowledged, has a
//     successful attempt in some member's file or is in the dead-letter topic.
//     Poison and stubborn ones are in the dead-letter topic.
//   - A dead letter is one of a record of the topic, has its key and value, and
//     some member has seen it fail as its class says.
//   - No attempt was at something else than the record of that place.
//   - Within one assignment of a partition to one process, of the records of a
//     key: no attempt begins before the one before has ended; a record that has
//     failed and has attempts left comes again before any other; one that was
//     handled does not come again; none comes below an earlier one; none that
//     lies between two is left out.
//   - Nothing of a partition begins after the group has handed it over and
//     before it has got it again.
//   - At each poll, each record below the committed offset had a successful
//     attempt that had ended, or a dead letter that was in the log.
//   - In the end the group has committed everything, and not more than there is.
//
// What is not: order across assignments, since what was not committed comes
// again, and the handler of a partition that was lost may be deaf and still at
// work when the next owner, or the next assignment of the same process, begins
// with the same record. Nor attempts of which the context had ended before they
// began: their assignment was over. Where a member gets a lost partition back
// and goes on with it as if nothing had been, the judge takes that for a new
// assignment, and so may be too lenient there, never too strict.

// offenceKind is a promise that was broken.
type offenceKind string

const (
	lost         offenceKind = "lost"
	notInLog     offenceKind = "acknowledged and not in the topic"
	notDead      offenceKind = "poison that is not a dead letter"
	neverWritten offenceKind = "handled and never written"
	badLetter    offenceKind = "dead letter that should not be"
	ahead        offenceKind = "committed above an unhandled record"
	overlap      offenceKind = "two of a key at a time"
	disorder     offenceKind = "out of order"
	skipped      offenceKind = "left out"
	handedOver   offenceKind = "begun after it was handed over"
	unfinished   offenceKind = "not committed in the end"
	uncleanEnd   offenceKind = "process that ended badly"
)

// offenceKinds are all of them, in the order of the report.
var offenceKinds = []offenceKind{
	lost, notInLog, notDead, neverWritten, badLetter, ahead,
	overlap, disorder, skipped, handedOver, unfinished, uncleanEnd,
}

// offence is one case.
type offence struct {
	kind offenceKind
	what string
}

// verdict is what the judge says.
type verdict struct {
	offences []offence
	// In are the records of the topic. Handled of them had a successful attempt;
	// repeated is how many more of those there were. Dead of them are dead
	// letters, bothWays of those were handled, too; deadAgain is how many more
	// dead letters there are.
	in, handled, repeated     int
	dead, bothWays, deadAgain int
	calls, cutOff             int // all attempts, and those that a kill has cut off
	// assignments counts those of a partition in which something was handled.
	assignments int
	asked, back int // polls, and how often a committed offset was below the one before
}

// of returns the offences of a kind.
func (v verdict) of(kind offenceKind) int {
	n := 0
	for _, o := range v.offences {
		if o.kind == kind {
			n++
		}
	}
	return n
}

// judge judges a run.
func judge(h history) verdict {
	c := newCourt(h)
	c.judgeAcknowledged()
	c.judgeAttempts()
	c.judgeLetters()
	c.judgeRecords()
	c.judgeCommits()
	for _, why := range h.unclean {
		c.accuse(uncleanEnd, "%s", why)
	}
	slices.SortFunc(c.offences, func(a, b offence) int {
		return cmp.Or(
			cmp.Compare(slices.Index(offenceKinds, a.kind), slices.Index(offenceKinds, b.kind)),
			cmp.Compare(a.what, b.what),
		)
	})
	return c.verdict
}

// court is a judgement under way.
type court struct {
	history
	verdict
	records map[place]*fact
	// byPartition has the facts in the order of their offsets, byKey those of
	// one key of a partition.
	byPartition map[int32][]*fact
	byKey       map[lane][]*fact
}

// fact is what is known of a record of the topic.
type fact struct {
	written
	// index is its place among those of its key in its partition.
	index int
	// handled is when its first successful attempt ended, where successes is
	// not 0.
	handled   time.Duration
	successes int
	letters   []place // in the dead-letter topic
	// permanent and panicked are set when an attempt ended so; failures is the
	// most failed attempts that one process made.
	permanent, panicked bool
	failures            int
}

// lane is what is handled in order: a key in a partition.
type lane struct {
	partition int32
	key       string
}

func newCourt(h history) *court {
	c := &court{history: h, records: map[place]*fact{}, byPartition: map[int32][]*fact{}, byKey: map[lane][]*fact{}}
	for _, w := range h.log {
		f := &fact{written: w}
		c.records[w.place] = f
		c.byPartition[w.partition] = append(c.byPartition[w.partition], f)
	}
	for _, facts := range c.byPartition {
		slices.SortFunc(facts, func(a, b *fact) int { return cmp.Compare(a.offset, b.offset) })
		for _, f := range facts {
			l := lane{f.partition, f.key}
			f.index = len(c.byKey[l])
			c.byKey[l] = append(c.byKey[l], f)
		}
	}
	c.in = len(c.records)
	return c
}

func (c *court) accuse(kind offenceKind, format string, args ...any) {
	c.offences = append(c.offences, offence{kind, fmt.Sprintf(format, args...)})
}

// judgeAcknowledged holds what the writer was told against the topic: a Kafka
// that forgets would be taken for a Sluice that does.
func (c *court) judgeAcknowledged() {
	for _, w := range c.acked {
		if f := c.records[w.place]; f == nil || f.message != w.message {
			c.accuse(notInLog, "%s at %s", w.message, w.place)
		}
	}
}

// judgeAttempts collects what became of each record, and judges their order.
func (c *court) judgeAttempts() {
	for _, s := range c.starts {
		failures := map[place]int{}
		for _, a := range s.attempts {
			c.calls++
			if a.outcome == open {
				c.cutOff++
			}
			f := c.records[a.place]
			if f == nil || f.key != a.key || f.seq != a.seq {
				c.accuse(neverWritten, "%s: attempt at %s, key %s, number %d", s.name, a.place, a.key, a.seq)
				continue
			}
			f.note(a)
			if a.outcome == failed {
				failures[a.place]++
				f.failures = max(f.failures, failures[a.place])
			}
		}
		c.judgeOrder(s)
	}
}

// note adds an attempt to what is known of its record.
func (f *fact) note(a attempt) {
	switch a.outcome {
	case ok:
		if f.successes == 0 || a.end < f.handled {
			f.handled = a.end
		}
		f.successes++
	case permanent:
		f.permanent = true
	case panicked:
		f.panicked = true
	case open, failed, cut:
	}
}

// judgeLetters looks for dead letters that should not be.
func (c *court) judgeLetters() {
	for _, l := range c.letters {
		if l.wrong != "" {
			c.accuse(badLetter, "%s in the dead-letter topic: %s", l.at, l.wrong)
			continue
		}
		f := c.records[l.place]
		if f == nil || f.message != l.message {
			c.accuse(badLetter, "%s in the dead-letter topic: it says that it was %s at %s, which was never there", l.at, l.message, l.place)
			continue
		}
		f.letters = append(f.letters, l.at)
		if why := c.unjustified(f, l); why != "" {
			c.accuse(badLetter, "%s in the dead-letter topic, of %s: %s", l.at, l.place, why)
		}
	}
}

// unjustified says why a record should not have become this dead letter.
func (c *court) unjustified(f *fact, l letter) string {
	switch l.class {
	case deadletter.Permanent:
		if !f.permanent {
			return "no attempt has failed for good"
		}
	case deadletter.Panic:
		if !f.panicked {
			return "no attempt has panicked"
		}
	case deadletter.Exhausted:
		if l.attempts != c.attempts {
			return fmt.Sprintf("it was given up after %d attempts instead of %d", l.attempts, c.attempts)
		}
		if f.failures < l.attempts {
			return fmt.Sprintf("it says that %d attempts have failed; no process has made more than %d", l.attempts, f.failures)
		}
	case deadletter.Decode, deadletter.Timeout:
		return fmt.Sprintf("its class is %q, and no attempt ends so", l.class)
	default:
		return fmt.Sprintf("its class is %q", l.class)
	}
	return ""
}

// judgeRecords looks for what was lost, and counts.
func (c *court) judgeRecords() {
	for _, facts := range c.byPartition {
		for _, f := range facts {
			if f.successes > 0 {
				c.handled++
				c.repeated += f.successes - 1
			}
			if len(f.letters) > 0 {
				c.dead++
				c.deadAgain += len(f.letters) - 1
				if f.successes > 0 {
					c.bothWays++
				}
			}
			switch {
			case f.successes == 0 && len(f.letters) == 0:
				c.accuse(lost, "%s at %s", f.message, f.place)
			case f.fate != good && len(f.letters) == 0:
				c.accuse(notDead, "%s at %s", f.message, f.place)
			}
		}
	}
}
