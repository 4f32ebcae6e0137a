package main

import "fmt"

// place is where the topic transfers has a record.
type place struct {
	partition int32
	offset    int64
}

// parsePlace reads what String has written, and nothing else.
func parsePlace(origin string) (p place, ok bool) {
	_, err := fmt.Sscanf(origin, "%d/%d", &p.partition, &p.offset)
	return p, err == nil && p.String() == origin
}

// String is what a request has as its origin.
func (p place) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }
