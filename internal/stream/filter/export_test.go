package filter

import "time"

// WithMaxTime returns a copy of a filter whose loops may take another time.
func WithMaxTime(f *Filter, d time.Duration) *Filter {
	c := *f
	c.maxTime = d
	return &c
}
