package main

import "fmt"

const (
	maxServices = 200 // Of a partition; the lines of all others are of one service.
	maxName     = 200 // Bytes.
)

// names bounds how many services there are in a partition: a name is a key, and
// whoever writes may make up as many as he likes.
type names struct {
	partition int32
	known     map[string]bool
}

// of returns the service of a key.
func (n *names) of(key []byte) string {
	name, others := cut(text(key), maxName), fmt.Sprintf("(others of partition %d)", n.partition)
	if name == "" {
		name = "(none)"
	}
	if n.known[name] || name == others {
		return name
	}
	if len(n.known) >= maxServices {
		return others
	}
	if n.known == nil {
		n.known = map[string]bool{}
	}
	n.known[name] = true
	return name
}
