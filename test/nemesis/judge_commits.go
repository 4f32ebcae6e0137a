//go:build unix

package main

import (
	"maps"
	"slices"
)

// judgeCommits judges what was committed at each poll, and in the end.
func (c *court) judgeCommits() {
	c.asked = len(c.polls)
	// What a poll has found in order stays so: only what a later one has above
	// it is left to look at.
	next := map[int32]int{}
	before := map[int32]int64{}
	for _, p := range c.polls {
		for _, id := range slices.Sorted(maps.Keys(p.committed)) {
			offset := p.committed[id]
			if offset < before[id] {
				c.back++
			}
			before[id] = offset
			facts := c.byPartition[id]
			for ; next[id] < len(facts) && facts[next[id]].offset < offset; next[id]++ {
				if f := facts[next[id]]; !f.over(p) {
					c.accuse(ahead, "offset %d of partition %d was committed, %s at %s was not handled by then", offset, id, f.message, f.place)
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.ends)) {
		if end := c.ends[id]; before[id] != end {
			c.accuse(unfinished, "partition %d: committed %d of %d", id, before[id], end)
		}
	}
}

// over reports whether the record was handled or in the dead-letter topic at
// the time of a poll. Both are asked in favour of the group: the poll's time is
// when its answer had come, and the ends of the dead-letter topic were asked
// for after that.
func (f *fact) over(p poll) bool {
	if f.successes > 0 && f.handled <= p.at {
		return true
	}
	for _, at := range f.letters {
		if p.dead == nil || at.offset < p.dead[at.partition] {
			return true
		}
	}
	return false
}
