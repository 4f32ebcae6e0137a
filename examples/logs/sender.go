package main

import "slices"

const (
	maxSenders = 8   // Sources of a service whose numbers are remembered: the latest ones.
	maxAbove   = 512 // Numbers of a source behind one that is missing.
)

// sender knows which lines of a source have come. A client of service A that is
// in doubt sends a line again, and those behind it, so a line can be there twice,
// and one that was refused at first can come after those behind it.
type sender struct {
	Source string `json:"source"`
	// All of the numbers up to it have come, or are not waited for any more.
	All int64 `json:"all"`
	// Above are others that have come, in order.
	Above []int64 `json:"above,omitempty"`
}

// add reports whether the line of a number is new.
func (s *sender) add(seq int64) bool {
	i, there := slices.BinarySearch(s.Above, seq)
	if seq <= s.All || there {
		return false
	}
	s.Above = slices.Insert(s.Above, i, seq)
	for len(s.Above) > 0 && (s.Above[0] == s.All+1 || len(s.Above) > maxAbove) {
		s.All, s.Above = s.Above[0], s.Above[1:]
	}
	return true
}

// senders are those of a service, the last one that sent first.
type senders []sender

// add reports whether a line is new. One without a number always is.
func (s *senders) add(l line) bool {
	if l.Source == "" {
		return true
	}
	one := sender{Source: l.Source}
	if i := slices.IndexFunc(*s, func(old sender) bool { return old.Source == l.Source }); i >= 0 {
		one = (*s)[i]
		*s = slices.Delete(*s, i, i+1)
	}
	fresh := one.add(l.Seq)
	*s = slices.Insert(*s, 0, one)
	*s = (*s)[:min(len(*s), maxSenders)]
	return fresh
}
