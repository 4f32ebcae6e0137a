//go:build unix

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/deadletter"
)

// history is all that is known of a run when it is over: what the judge judges.
type history struct {
	// log is the topic as it was read at the end, and acked what the writer was
	// told, both in any order; told is how many records it has tried to write.
	log, acked []written
	told       int
	starts     []start
	letters    []letter
	// polls are in the order of their time.
	polls []poll
	// ends are the log's, by partition.
	ends map[int32]int64
	// attempts is how often a failing record is tried before it is given up.
	attempts int
	// unclean says what processes of members did that they should not have
	// done: end by themselves, or not end when told to.
	unclean []string
}

// place is where a record is.
type place struct {
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }

// message is what a record says: the number of its key's records and what a
// handler must do with it. The value of a record is its text.
type message struct {
	key  string
	seq  int64
	fate fate
}

// noKey is the key of records whose key is null.
const noKey = "-"

// fate is what the writer has decided that becomes of a record.
type fate string

const (
	// good is handled in the end, unless the handler happens to panic.
	good fate = "good"
	// poison fails for good, stubborn fails each time.
	poison   fate = "poison"
	stubborn fate = "stubborn"
)

func (m message) String() string { return fmt.Sprintf("%s %d %s", m.key, m.seq, m.fate) }

// parseMessage reads what String has written.
func parseMessage(text string) (message, error) {
	f := strings.Split(text, " ")
	if len(f) != 3 || f[0] == "" {
		return message{}, fmt.Errorf("%q is not a key, a number and a fate", text)
	}
	seq, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil || seq < 0 {
		return message{}, fmt.Errorf("%q has no number in its second place", text)
	}
	switch fate(f[2]) {
	case good, poison, stubborn:
		return message{strings.Clone(f[0]), seq, fate(f[2])}, nil
	}
	return message{}, fmt.Errorf("%q is neither good, poison nor stubborn", f[2])
}

// written is a record and where it is.
type written struct {
	place
	message
}

// outcome is how an attempt has ended.
type outcome string

const (
	open      outcome = "" // It has not: the process was killed.
	ok        outcome = "ok"
	failed    outcome = "error"
	permanent outcome = "permanent"
	panicked  outcome = "panic"
	// cut is an attempt that gave up because its context had ended.
	cut outcome = "cut"
)

// attempt is one call of a handler.
type attempt struct {
	place
	key string
	seq int64
	// assignment counts how often its partition had been assigned to the
	// member when it began; revoked is set when it had been taken away since.
	assignment int
	revoked    bool
	// late is set when its context had ended before it began.
	late       bool
	begin, end time.Duration
	// first and last are the lines of its begin and its end; 0 for none.
	first, last int
	outcome     outcome
}

// start is what one process of a member did.
type start struct {
	name     string
	attempts []attempt // in the order in which they began
}

// letter is a dead letter.
type letter struct {
	// at is where it is itself, place and message what it says it was.
	at place
	written
	class    deadletter.Class
	attempts int
	// wrong is set where it is not a dead letter of this run, and says why.
	wrong string
}

// poll is what the group had committed at a time.
type poll struct {
	// at is when the answer had come.
	at        time.Duration
	committed map[int32]int64
	// dead are the ends of the dead-letter topic, asked for afterwards; nil
	// where there was no answer.
	dead map[int32]int64
}
