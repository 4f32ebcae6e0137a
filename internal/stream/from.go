package stream

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// From is where a client begins in a topic in which it has no position.
type From struct {
	kind fromKind
	at   time.Time
}

type fromKind uint8

const (
	fromNow fromKind = iota
	fromEarliest
	fromTime
)

// Now is behind all that is committed; Earliest is the beginning of the log.
var (
	Now      = From{}
	Earliest = From{kind: fromEarliest}
)

// Since is the first record of each partition with this timestamp or a later
// one. A time that has not come is Now.
func Since(t time.Time) From { return From{kind: fromTime, at: t} }

// ParseFrom reads now, earliest, a duration before now such as -15m, or a time
// of RFC 3339. Empty is now.
func ParseFrom(text string, now time.Time) (From, error) {
	switch text {
	case "", "now":
		return Now, nil
	case "earliest":
		return Earliest, nil
	}
	if text[0] == '-' {
		d, err := time.ParseDuration(text)
		if err == nil && d <= 0 {
			return Since(now.Add(d)), nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return Since(t), nil
	}
	return From{}, fmt.Errorf("%.50q is not now, earliest, a duration before now such as -15m, or a time such as 2026-01-31T09:00:00Z", text)
}

// resolve returns the position that is meant, in each partition of the tail.
func (f From) resolve(ctx context.Context, t *watched) ([]int64, error) {
	v := t.ring.look(0, 0)
	bounds := t.ring.boundsOf()
	at := slices.Clone(v.next)
	switch {
	case f.kind == fromEarliest:
		for p := range at {
			at[p] = bounds[p].start
		}
	case f.kind == fromTime && f.at.Before(time.Now()):
		partitions := make([]int32, len(at))
		for p := range partitions {
			partitions[p] = int32(p)
		}
		found, err := offsets(ctx, t.client, t.topic, partitions, max(f.at.UnixMilli(), 0), true)
		if err != nil {
			return nil, err
		}
		for p := range at {
			// No record is that late: it begins with the next one, which the
			// ring has reached, or will.
			if o := found[int32(p)]; o >= 0 {
				at[p] = o
			}
		}
	}
	return at, nil
}
