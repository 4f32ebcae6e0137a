package redrive

import (
	"encoding/base64"
	"time"
	"unicode/utf8"
)

// text is bytes as a string of JSON: nil for null, base64 where they are not
// UTF-8.
func text(b []byte) (_ *string, encoding string) {
	switch {
	case b == nil:
		return nil, ""
	case utf8.Valid(b):
		s := string(b)
		return &s, ""
	}
	s := base64.StdEncoding.EncodeToString(b)
	return &s, "base64"
}

// sizeOf is the length of a key or a value, and -1 where there is none.
func sizeOf(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// clampYear keeps a time within what JSON can say: records may carry any.
func clampYear(t time.Time) time.Time {
	switch t = t.UTC(); {
	case t.Year() < 0:
		return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case t.Year() > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}
