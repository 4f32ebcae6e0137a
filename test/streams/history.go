//go:build unix

package main

import (
	"fmt"
	"time"
)

// history is all that is known of a run when it is over: what the judge judges.
type history struct {
	// records are what was written, by where it is.
	records map[place]written
	clients []*story
	// deletions are the ranges that Kafka was told to delete, in the order of
	// their times.
	deletions []deletion
	// unclean says what processes of replicas did that they should not have
	// done.
	unclean []string
}

// place is where a record is.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

// state is what became of a record that was handed to Kafka.
type state uint8

const (
	committed state = iota
	aborted
	// unsure is one of a transaction of which the end is not known, and which
	// was deleted before anybody could look. It may be seen or not.
	unsure
)

// written is a record that Kafka has acknowledged.
type written struct {
	number int64
	key    string
	state  state
}

// deletion is that of what lies below an offset. It may have happened since
// begin.
type deletion struct {
	begin     time.Duration
	topic     string
	partition int32
	below     int64
}

// selection is what a client has asked for.
type selection struct {
	topics    []string
	partition int32 // -1 for all
	key       string
}

func (s selection) wants(p place, w written) bool {
	return (s.partition < 0 || s.partition == p.partition) && (s.key == "" || s.key == w.key)
}

// story is what one client has lived through.
type story struct {
	name      string
	selection selection
	// start are the positions of its first ready, by topic and partition; a
	// partition that is not in there was made later.
	start map[string][]int64
	conns []conn
	// cut counts the connections that it has broken itself, ended those that
	// the service has ended, and refused those that did not come about.
	cut, ended, refused int
	// bytes and events are what it has read in all.
	bytes, events int64
	// stalls are the partitions that it was told stand still, and byes the
	// goodbyes, by their reason.
	stalls int
	byes   map[string]int
}

// conn is one connection: what came, in the order in which it came.
type conn struct {
	seen []sight
	// wrong is what was not as it must be about the stream itself.
	wrong []string
}

// sight is a record that a client has seen, or a gap that it was told of.
type sight struct {
	place
	number int64
	gap    *gapTold // nil for a record
}

// gapTold is a gap, from its place's offset on.
type gapTold struct {
	at     time.Duration
	to     int64
	reason string
}
