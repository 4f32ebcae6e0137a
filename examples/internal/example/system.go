package example

import (
	"context"
	"io/fs"
	"time"

	"sluice"
)

// System is an example, with topics and groups whose names begin with a prefix:
// that of Main's make, "fleet." unless the command line says otherwise.
type System struct {
	// Name is the example's, such as "fleet": also the page's path, /fleet/.
	Name string
	// Topics are all that the input, the handlers and the page need, but for the
	// checker's, <prefix>check, which is added.
	Topics []sluice.Topic
	// Handlers are the processing. One that names no SessionTimeout gets 6s and
	// not the library's 45s, so that who kills a replica need not wait for long
	// to see the others take over.
	Handlers []sluice.Handler
	// Page is what service B serves: index.html and what it loads.
	Page fs.FS
	// Configure, where set, changes the settings before a program with the
	// handlers is made, such as by an entry of consumer.handlers, whose type has
	// UnmarshalText. A process without handlers has none of the settings, either.
	Configure func(*sluice.Config)
	// Drive sends the input, and looks at the output, until ctx ends; the input
	// ends when c.Input does. It begins when all topics are there and empty. The
	// error ends the program, but for that of a ctx which has ended. Nil before
	// that is no end: Verdict is still asked.
	Drive func(ctx context.Context, c *Client) error
	// Verdict is what the checker has found so far. It is called every second, at
	// the same time as Drive and by another goroutine, and published to the topic
	// <prefix>check as JSON under the key "verdict", where the page reads it.
	Verdict func() Verdict
}

// Verdict is what a checker says.
type Verdict struct {
	// OK says that nothing is wrong so far. What was wrong once stays so.
	OK bool `json:"ok"`
	// Complete says that the input has ended and that all of it is accounted for.
	Complete bool `json:"complete"`
	// Figures are what the page and the terminal show.
	Figures []Figure `json:"figures"`
	// Offences are what is wrong, the first 20.
	Offences []string `json:"offences"`
}

// Figure is a number with its name.
type Figure struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// CheckTopic returns the topic that the verdicts of the system with that prefix
// are published to. It has one partition and is compacted.
func CheckTopic(prefix string) string { return prefix + "check" }

// sessionTimeout is the least that Kafka allows.
const sessionTimeout = 6 * time.Second

// topics are the system's and the checker's.
func (s System) topics(prefix string) []sluice.Topic {
	all := append([]sluice.Topic{}, s.Topics...)
	return append(all, sluice.Topic{Name: CheckTopic(prefix), Partitions: 1, Compact: true})
}
