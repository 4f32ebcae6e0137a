//go:build unix

package main

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/internal/stream"
)

// The judge knows every record that Kafka has acknowledged and what became of
// its transaction, every deletion, and everything that each client has seen, by
// connection.
//
// What is judged, for each client and partition:
//
//   - From the position of the client's first ready on, each committed record
//     that it has asked for was seen, before any later one, or lies in a range
//     of which a gap was told before any later one.
//   - Within a connection offsets only grow: a record comes again behind a
//     reconnect only.
//   - What was seen is at its place, has the number that was written there, was
//     asked for, and was not aborted.
//   - A gap is true: Kafka had been told to delete all of its range before.
//   - The stream begins with ready, every id is a cursor, and the status is 200.
//   - In the end everything was seen: what is missing at the end is lost, too.
//
// What is not: where a cursor lies. A wrong one shows in what comes behind it.

// offenceKind is a promise that was broken.
type offenceKind string

const (
	lost         offenceKind = "lost without a gap"
	disorder     offenceKind = "out of order"
	again        offenceKind = "repeated without a reconnect"
	falseGap     offenceKind = "gap that is not true"
	neverWritten offenceKind = "seen and never written"
	wasAborted   offenceKind = "aborted and seen"
	notAsked     offenceKind = "not asked for"
	badStream    offenceKind = "stream that is not as it must be"
	uncleanEnd   offenceKind = "process that ended badly"
)

// offenceKinds are all of them, in the order of the report.
var offenceKinds = []offenceKind{lost, disorder, again, falseGap, neverWritten, wasAborted, notAsked, badStream, uncleanEnd}

type offence struct {
	kind offenceKind
	what string
}

// verdict is what the judge says.
type verdict struct {
	offences []offence
	// seen are the deliveries, repeated how many of them came again behind a
	// reconnect, gaps the gaps and gapped the committed records in them that
	// the client did not see.
	seen, repeated, gaps, gapped int
	counts                       map[offenceKind]int
}

// judge judges a run.
func judge(h history) verdict {
	c := &court{history: h, expected: map[line][]int64{}, verdict: verdict{counts: map[offenceKind]int{}}}
	for p, w := range h.records {
		if w.state == committed {
			l := line{p.topic, p.partition}
			c.expected[l] = append(c.expected[l], p.offset)
		}
	}
	for _, offsets := range c.expected {
		slices.Sort(offsets)
	}
	for _, s := range h.clients {
		c.client(s)
	}
	for _, why := range h.unclean {
		c.accuse(uncleanEnd, "%s", why)
	}
	slices.SortStableFunc(c.offences, func(a, b offence) int {
		return cmp.Compare(slices.Index(offenceKinds, a.kind), slices.Index(offenceKinds, b.kind))
	})
	return c.verdict
}

// line is a partition.
type line struct {
	topic     string
	partition int32
}

// court is a judgement under way.
type court struct {
	history
	verdict
	expected map[line][]int64 // the offsets of committed records, in order
}

// kept bounds how many offences of a kind are told in words.
const kept = 1000

func (c *court) accuse(kind offenceKind, format string, args ...any) {
	if c.counts[kind]++; c.counts[kind] <= kept {
		c.offences = append(c.offences, offence{kind, fmt.Sprintf(format, args...)})
	}
}

// progress is how far a client has come in a partition.
type progress struct {
	next int64 // all before it was seen or is in a gap
	last int64 // the last offset of this connection; -1 for none
}

// client judges what one client has seen.
func (c *court) client(s *story) {
	at := map[line]*progress{}
	for _, topic := range s.selection.topics {
		for p, next := range s.start[topic] {
			at[line{topic, int32(p)}] = &progress{next: next, last: -1}
		}
	}
	of := func(l line) *progress {
		if at[l] == nil { // It was made later, and begins at its beginning.
			at[l] = &progress{last: -1}
		}
		return at[l]
	}
	for i, conn := range s.conns {
		for _, why := range conn.wrong {
			c.accuse(badStream, "%s, connection %d: %s", s.name, i+1, why)
		}
		for _, p := range at {
			p.last = -1
		}
		for j, what := range conn.seen {
			who := fmt.Sprintf("%s, connection %d", s.name, i+1)
			p := of(line{what.topic, what.partition})
			if what.gap != nil {
				c.gap(who, s, p, what)
				continue
			}
			c.record(who, s, p, what, conn.seen[:j])
		}
	}
	for l := range c.expected {
		if slices.Contains(s.selection.topics, l.topic) {
			c.missing(s.name+", in the end", s, l, of(l), 1<<62)
		}
	}
}

// record judges a record that was seen, behind what this connection had seen
// before.
func (c *court) record(who string, s *story, p *progress, what sight, before []sight) {
	c.seen++
	w, ok := c.records[what.place]
	switch {
	case !ok || w.number != what.number:
		c.accuse(neverWritten, "%s: %s, number %d", who, what.place, what.number)
		return
	case w.state == aborted:
		c.accuse(wasAborted, "%s: %s, number %d", who, what.place, what.number)
		return
	case !s.selection.wants(what.place, w):
		c.accuse(notAsked, "%s: %s", who, what.place)
		return
	}
	switch {
	case what.offset <= p.last && slices.Contains(before, what):
		c.accuse(again, "%s: %s, after offset %d", who, what.place, p.last)
	case what.offset < p.last:
		c.accuse(disorder, "%s: %s, after offset %d", who, what.place, p.last)
	case what.offset < p.next:
		c.repeated++
	}
	c.missing(who, s, line{what.topic, what.partition}, p, what.offset)
	p.next = max(p.next, what.offset+1)
	p.last = max(p.last, what.offset)
}

// missing accuses of what was not seen before an offset.
func (c *court) missing(who string, s *story, l line, p *progress, before int64) {
	if p.next >= before {
		return
	}
	offsets := c.expected[l]
	i, _ := slices.BinarySearch(offsets, p.next)
	for ; i < len(offsets) && offsets[i] < before; i++ {
		at := place{l.topic, l.partition, offsets[i]}
		if s.selection.wants(at, c.records[at]) {
			c.accuse(lost, "%s: %s", who, at)
		}
		p.next = offsets[i] + 1
	}
}

// gap judges a gap that was told.
func (c *court) gap(who string, s *story, p *progress, what sight) {
	c.gaps++
	l := line{what.topic, what.partition}
	if what.gap.reason != stream.Expired || what.gap.to <= what.offset || !c.deleted(l, what.gap) {
		c.accuse(falseGap, "%s: %s to below %d, %s", who, what.place, what.gap.to, what.gap.reason)
	}
	if s.selection.partition >= 0 && s.selection.partition != what.partition {
		c.accuse(notAsked, "%s: a gap at %s", who, what.place)
	}
	c.missing(who, s, l, p, what.offset)
	offsets := c.expected[l]
	i, _ := slices.BinarySearch(offsets, max(p.next, what.offset))
	for ; i < len(offsets) && offsets[i] < what.gap.to; i++ {
		at := place{l.topic, l.partition, offsets[i]}
		if s.selection.wants(at, c.records[at]) {
			c.gapped++
		}
	}
	p.next = max(p.next, what.gap.to)
}

// deleted reports whether Kafka had been told to delete all of a gap.
func (c *court) deleted(l line, g *gapTold) bool {
	return slices.ContainsFunc(c.deletions, func(d deletion) bool {
		return d.topic == l.topic && d.partition == l.partition && d.begin <= g.at && d.below >= g.to
	})
}
