package main

import "fmt"

const (
	maxServices = 200 // Of a partition; the lines of all others are of one service.
	maxName     = 200 // Bytes.
)

// names are the services of a partition. Their number is bounded: a name is a
// key, and whoever writes may make up as many as he likes.
type names map[string]bool

// of returns the service of a key.
func (n names) of(key string, partition int32) string {
	name := cut(key, maxName)
	if name == "" {
		name = "(none)"
	}
	if !n[name] && len(n) >= maxServices {
		return fmt.Sprintf("(others of partition %d)", partition)
	}
	n[name] = true
	return name
}
