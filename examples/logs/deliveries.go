package main

import "fmt"

// spot is where an alert is in its topic.
type spot struct {
	partition int32
	offset    int64
}

// deliveries are the alerts on their way to the receiver. The webhook has them
// in the order of their partition: it may bring one again, and leaves none out.
type deliveries struct {
	pending map[spot]alert  // Told, and not delivered yet.
	early   map[spot]alert  // Delivered, and not told yet.
	told    map[int32]int64 // The last offset of a partition that was told,
	done    map[int32]int64 // and that was delivered.
	count   int64
}

func newDeliveries() deliveries {
	return deliveries{pending: map[spot]alert{}, early: map[spot]alert{}, told: map[int32]int64{}, done: map[int32]int64{}}
}

// expect takes an alert as it is in the topic.
func (d *deliveries) expect(at spot, a alert) (wrong []string) {
	d.told[at.partition] = at.offset
	got, early := d.early[at]
	delete(d.early, at)
	last, any := d.done[at.partition]
	switch {
	case early && got != a:
		return []string{fmt.Sprintf("the alert %+v was delivered as %+v", a, got)}
	case early:
		d.count++
	case any && last > at.offset:
		return []string{fmt.Sprintf("the alert %+v was never delivered, and a later one was", a)}
	default:
		d.pending[at] = a
	}
	return nil
}

// arrive takes an alert as it was delivered.
func (d *deliveries) arrive(at spot, a alert) (wrong []string) {
	for other, missing := range d.pending {
		if other.partition == at.partition && other.offset < at.offset {
			wrong = append(wrong, fmt.Sprintf("the alert %+v was never delivered, and a later one was", missing))
			delete(d.pending, other)
		}
	}
	last, any := d.done[at.partition]
	if !any || at.offset > last {
		d.done[at.partition] = at.offset
	}
	told, anyTold := d.told[at.partition]
	expected, waiting := d.pending[at]
	switch {
	case waiting && expected != a:
		wrong = append(wrong, fmt.Sprintf("the alert %+v was delivered as %+v", expected, a))
	case waiting:
		d.count++
	case !anyTold || at.offset > told:
		d.early[at] = a
	}
	delete(d.pending, at)
	return wrong
}

// complete reports whether every alert was delivered.
func (d *deliveries) complete() bool { return len(d.pending)+len(d.early) == 0 }
