//go:build unix

package main

// era is one assignment of a partition to a process, for one key: what has to
// be in order.
type era struct {
	lane
	assignment int
}

// judgeOrder judges the order of one process. The order of the lines of its
// file is that of what happened in it.
func (c *court) judgeOrder(s start) {
	eras := map[era][]*attempt{}
	partitions := map[[2]int]bool{}
	for i := range s.attempts {
		a := &s.attempts[i]
		f := c.records[a.place]
		if a.late || f == nil || f.key != a.key {
			continue
		}
		if a.assignment == 0 || a.revoked {
			c.accuse(handedOver, "%s: attempt at %s of key %s, line %d", s.name, a.place, a.key, a.first)
			continue
		}
		e := era{lane{a.partition, a.key}, a.assignment}
		eras[e] = append(eras[e], a)
		partitions[[2]int{int(a.partition), a.assignment}] = true
	}
	c.assignments += len(partitions)
	failures := c.failuresBefore(s)
	for _, attempts := range eras {
		for i := 1; i < len(attempts); i++ {
			c.judgePair(s.name, attempts[i-1], attempts[i], failures)
		}
	}
}

// failuresBefore counts, for each attempt by its line, how often this process
// has failed with its record up to and with it. That is over the whole life of
// the process, since a partition that was lost and got back goes on counting.
func (c *court) failuresBefore(s start) map[int]int {
	sofar, counts := map[place]int{}, map[int]int{}
	for _, a := range s.attempts {
		if a.outcome == failed {
			sofar[a.place]++
			counts[a.first] = sofar[a.place]
		}
	}
	return counts
}

// judgePair judges two attempts of one key that follow each other in one
// assignment.
func (c *court) judgePair(name string, a, b *attempt, failures map[int]int) {
	if a.outcome == open || b.first < a.last {
		c.accuse(overlap, "%s: %s begins in line %d while %s of the same key %s, from line %d, is in work",
			name, b.place, b.first, a.place, a.key, a.first)
		return
	}
	switch {
	case b.offset < a.offset:
		c.accuse(disorder, "%s: %s of key %s comes after %s, line %d", name, b.place, a.key, a.place, b.first)
	case b.offset == a.offset:
		if a.outcome == ok {
			c.accuse(disorder, "%s: %s of key %s comes again after it was handled, line %d", name, b.place, a.key, b.first)
		}
	case c.hasAttemptsLeft(a, failures[a.first]):
		c.accuse(disorder, "%s: %s of key %s comes before %s, which has failed and has attempts left, line %d",
			name, b.place, a.key, a.place, b.first)
	default:
		c.judgeGap(name, a, b)
	}
}

// hasAttemptsLeft reports whether nothing may follow an attempt but another one
// at the same record. One that was cut short belongs to an assignment that has
// ended, so nothing may follow it at all.
func (c *court) hasAttemptsLeft(a *attempt, failures int) bool {
	switch a.outcome {
	case failed:
		return failures < c.attempts
	case cut:
		return true
	case open, ok, permanent, panicked:
	}
	return false
}

// judgeGap looks for records of the key between two that follow each other.
func (c *court) judgeGap(name string, a, b *attempt) {
	facts := c.byKey[lane{a.partition, a.key}]
	from, to := c.records[a.place].index, c.records[b.place].index
	for _, f := range facts[from+1 : to] {
		c.accuse(skipped, "%s: %s of key %s was left out between %s and %s, line %d", name, f.place, f.key, a.place, b.place, b.first)
	}
}
