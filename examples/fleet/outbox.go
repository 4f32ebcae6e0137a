package main

import "slices"

// outbox are the messages of a vehicle that were written and are not yet read.
type outbox struct {
	texts []string
	// strays may come at any time: they were written before the vehicle was seen
	// in another partition, and nothing says which of the two is read first.
	strays    []string
	read      bool
	partition int32 // of the last one that was read
}

// found takes off a message that was read, and returns how many before it can no
// longer come: each was acknowledged before the next one was written. One that
// is not ours is left, as is a repetition, since service A may have been given a
// message twice.
func (o *outbox) found(text string, partition int32) (lost int) {
	n := slices.Index(o.texts, text)
	if n < 0 {
		if n = slices.Index(o.strays, text); n >= 0 {
			o.strays = slices.Delete(o.strays, n, n+1)
		}
		return 0
	}
	if o.read && o.partition != partition {
		o.strays = append(o.strays, o.texts[:n]...)
	} else {
		lost = n
	}
	o.texts, o.read, o.partition = o.texts[n+1:], true, partition
	return lost
}
