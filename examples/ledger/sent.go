package main

import "time"

// sentLines are what the clients have sent and the auditor has not seen in the
// log yet, by their text.
type sentLines struct {
	lines map[string]*sentLine
	// newest is, by partition, the time of the newest record that was read.
	newest map[int32]time.Time
	offend func(format string, args ...any)
}

type sentLine struct {
	copies int // a client repeats itself
	home   int32
	// acked is since when service A has said that it is written; zero before.
	acked time.Time
}

// missing is how much younger what was read of a partition may be than a line
// that should be there: clocks differ.
const missing = time.Minute

func newSentLines(offend func(format string, args ...any)) *sentLines {
	return &sentLines{lines: map[string]*sentLine{}, newest: map[int32]time.Time{}, offend: offend}
}

// send notes a line, before it is sent.
func (s *sentLines) send(key, text string) {
	line := s.lines[text]
	if line == nil {
		line = &sentLine{home: home(key)}
		s.lines[text] = line
	}
	line.copies++
	line.acked = time.Time{}
}

// written notes that service A has said that a line is written.
func (s *sentLines) written(text string, now time.Time) {
	if line := s.lines[text]; line != nil {
		line.acked = now
	}
}

// seen notes that the log has a record. One that was not sent, or more often
// than it was, is somebody else's, or a client's that was not sure.
func (s *sentLines) seen(text string, partition int32, when time.Time) {
	if line := s.lines[text]; line != nil {
		if line.copies--; line.copies == 0 {
			delete(s.lines, text)
		}
	}
	if when.After(s.newest[partition]) {
		s.newest[partition] = when
	}
}

// check finds lines that were written and are not there.
func (s *sentLines) check() {
	for text, line := range s.lines {
		if !line.acked.IsZero() && s.newest[line.home].Sub(line.acked) > missing {
			s.offend("service A has said that it is written, and the topic transfers does not have it: %.100s", text)
			delete(s.lines, text)
		}
	}
}

// none reports whether all that was sent is in the log.
func (s *sentLines) none() bool { return len(s.lines) == 0 }
