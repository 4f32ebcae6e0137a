package main

import (
	"regexp"
	"strings"
	"time"
)

// stamped finds the common timestamps, near the beginning of a line.
var stamped = regexp.MustCompile(`\d{4}-\d\d-\d\d(?:T| {1,2})\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?` +
	`|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}` +
	`|\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`)

// stamp finds a line's time, and returns it with the rest of the line. Without one
// the time is zero.
func stamp(text string, at time.Time, zone *time.Location) (time.Time, string) {
	place := stamped.FindStringIndex(cut(text, 100))
	if place == nil {
		return time.Time{}, text
	}
	// Parse takes a fraction of a second where the layout has none.
	found := strings.Join(strings.Fields(strings.ReplaceAll(text[place[0]:place[1]], "T", " ")), " ")
	for _, layout := range []string{
		"2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700",
		"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700", "02/Jan/2006:15:04:05 -0700", "Jan 2 15:04:05",
	} {
		t, err := time.ParseInLocation(layout, found, zone)
		if err != nil {
			continue
		}
		if t.Year() == 0 { // Syslog has none: it is the one in which the line was not written tomorrow.
			t = t.AddDate(at.In(zone).Year(), 0, 0)
			if t.After(at.AddDate(0, 0, 1)) {
				t = t.AddDate(-1, 0, 0)
			}
		}
		before, after := strings.TrimRight(text[:place[0]], " [("), strings.TrimLeft(text[place[1]:], " :])|-\t")
		return t, strings.TrimSpace(before + " " + after)
	}
	return time.Time{}, text
}
