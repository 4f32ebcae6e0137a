package main

import (
	"reflect"
	"slices"
)

// lane compares what has to come of a vehicle with what has come. Either may be
// known first.
type lane struct {
	truth track

	tracks     []track // that have to come
	seenTracks []track // that have come, and what they should be is not known yet
	any        bool
	last       int64 // the offset of the last track that has come

	alerts, seenAlerts []alert
}

// settleTracks compares tracks by the position that they were made of. A table
// is compacted, so one that has a later one need not be there; each that is has
// to be right. Whether a position was read yet is what read says.
func (l *lane) settleTracks(read func(source) bool, offend func(string, ...any)) {
	for len(l.seenTracks) > 0 && read(l.seenTracks[0].source) {
		seen := l.seenTracks[0]
		l.seenTracks = l.seenTracks[1:]
		for len(l.tracks) > 0 && l.tracks[0].Offset < seen.Offset {
			l.tracks = l.tracks[1:]
		}
		if len(l.tracks) == 0 || l.tracks[0].Offset != seen.Offset {
			offend("a track of %s was made of offset %d of partition %d, which is no position of it", seen.ID, seen.Offset, seen.Partition)
			continue
		}
		if want := l.tracks[0]; !reflect.DeepEqual(seen, want) {
			offend("the track of %s is %+v, and has to be %+v", seen.ID, seen, want)
		}
		l.tracks = l.tracks[1:]
	}
}

// settleAlerts compares alerts one by one: each has to come exactly once, in the
// order of its vehicle.
func (l *lane) settleAlerts(read func(source) bool, offend func(string, ...any)) {
	for len(l.seenAlerts) > 0 && read(l.seenAlerts[0].source) {
		seen := l.seenAlerts[0]
		l.seenAlerts = l.seenAlerts[1:]
		n := slices.IndexFunc(l.alerts, func(a alert) bool { return a.Seq == seen.Seq })
		switch {
		case n < 0:
			offend("alert %d of %s has come once more, too late, or from nothing", seen.Seq, seen.Vehicle)
			continue
		case n > 0:
			offend("before alert %d of %s the %d from %d on were left out", seen.Seq, seen.Vehicle, n, l.alerts[0].Seq)
		}
		if want := l.alerts[n]; seen != want {
			offend("alert %d of %s is %+v, and has to be %+v", seen.Seq, seen.Vehicle, seen, want)
		}
		l.alerts = l.alerts[n+1:]
	}
}

// outbox are the lines of a vehicle that were written and are not yet read.
type outbox struct {
	lines     []line
	read      bool
	partition int32 // of the last one that was read
}

type line struct {
	sum   uint64
	batch int64
	// moved is for one that was written before the vehicle was seen in another
	// partition: nothing says which of the two is read first.
	moved bool
}

// found takes off a line that was read, and returns how many before it can no
// longer come: those of earlier batches, which were acknowledged before this one
// was written, and so are before it in the partition. A line that is not the
// next one of its batch, or none of ours, is left: service A may have been given
// a batch twice, and then all of it comes again, in order.
func (o *outbox) found(sum uint64, partition int32) (lost int) {
	n := slices.IndexFunc(o.lines, func(l line) bool { return l.sum == sum })
	if n < 0 {
		return 0
	}
	if o.read && o.partition != partition {
		for i := range n {
			o.lines[i].moved = true
		}
	}
	o.read, o.partition = true, partition
	batch, next := o.lines[n].batch, true
	before := slices.DeleteFunc(o.lines[:n:n], func(l line) bool {
		late := !l.moved && l.batch < batch
		if late {
			lost++
		}
		next = next && (late || l.moved)
		return late
	})
	after := o.lines[n:]
	if next {
		after = after[1:]
	}
	o.lines = append(before, after...)
	return lost
}
