package main

// second is what was counted of a service in a second of its own time. Each
// line is in one second, as one of Lines or of Late or of Repeats.
type second struct {
	At int64 `json:"at"` // In seconds since 1970.
	// Lines have this second as their time; Unparsed ones of them have none, and
	// the time of the line before them.
	Lines    int         `json:"n"`
	Unparsed int         `json:"unparsed,omitempty"`
	Levels   [levels]int `json:"levels"`
	// Late lines came in this second for one that was closed, and Repeats for the
	// second time: neither counts anywhere else.
	Late      int            `json:"late,omitempty"`
	Repeats   int            `json:"repeats,omitempty"`
	Millis    map[int]int    `json:"ms,omitempty"` // By the buckets of bucketOf.
	Templates map[string]int `json:"t,omitempty"`
	P50       float64        `json:"p50,omitempty"` // In milliseconds, once the second is closed.
	P99       float64        `json:"p99,omitempty"`
}

// count counts a line that came in time; named is its template.
func (s *second) count(l line, named string) {
	s.Lines++
	s.Levels[l.Level]++
	if l.Time.IsZero() {
		s.Unparsed++
	}
	if l.Millis >= 0 {
		if s.Millis == nil {
			s.Millis = map[int]int{}
		}
		s.Millis[bucketOf(l.Millis)]++
	}
	if s.Templates == nil {
		s.Templates = map[string]int{}
	}
	s.Templates[named]++
}

// close works out what needs the whole second.
func (s *second) close() {
	s.P50, s.P99 = percentile(s.Millis, .5), percentile(s.Millis, .99)
}
