package groups

import (
	"fmt"
	"time"
)

// Target is where a group is to go on in a partition.
type Target struct {
	kind   targetKind
	offset int64
	time   time.Time
}

type targetKind int

const (
	toBeginning targetKind = iota
	toEnd
	toOffset
	toTime
)

// ToBeginning is the oldest record that Kafka still has.
func ToBeginning() Target { return Target{kind: toBeginning} }

// ToEnd is behind the last record that a reader of committed records gets.
// Records of a transaction that is open count as written later.
func ToEnd() Target { return Target{kind: toEnd} }

// ToOffset is the record with the offset, which must lie between the start and
// the end of the log.
func ToOffset(offset int64) Target { return Target{kind: toOffset, offset: offset} }

// ToTime is the first record whose timestamp is at or after t, and the end
// where there is none.
func ToTime(t time.Time) Target { return Target{kind: toTime, time: t} }

// moment is what Kafka is asked for.
func (t Target) moment() int64 {
	// Negative numbers have other meanings, and no record is from before 1970.
	return max(t.time.UnixMilli(), 0)
}

// resolve returns the offset for a partition whose log has these bounds; at is
// the answer to moment where that was asked.
func (t Target) resolve(p place, start, end int64, at listed) (to int64, behindAll bool, err error) {
	switch t.kind {
	case toBeginning:
		return start, false, nil
	case toEnd:
		return end, false, nil
	case toTime:
		if at.offset < 0 || at.offset > end {
			return end, true, nil
		}
		return at.offset, false, nil
	case toOffset:
	}
	if t.offset < start || t.offset > end {
		return 0, false, fmt.Errorf("offset %d is not in %s/%d, which has %d to %d (%d is behind the last record)",
			t.offset, p.topic, p.partition, start, end, end)
	}
	return t.offset, false, nil
}
