// Command fleet tracks vehicles: their positions go through service A into
// Kafka, a stateful handler of service B makes tracks and alerts of them, and a
// page shows both live. Its README says how to run it and how to break it.
package main

import (
	"embed"
	"io/fs"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
)

//go:embed page
var page embed.FS

func main() {
	var s settings
	example.Main(s.flags, func(prefix string) example.System { return newSystem(prefix, &s) })
}

// topics are the names of the topics.
type topics struct{ positions, state, alerts, city string }

// partitions is how many the positions have, and with them the state.
const partitions = 6

// newSystem puts the example together. The settings are read when it runs.
func newSystem(prefix string, s *settings) example.System {
	t := topics{prefix + "positions", prefix + "state", prefix + "alerts", prefix + "map"}
	c := newCity()
	check := newChecker(c, t)
	files, err := fs.Sub(page, "page")
	if err != nil {
		files = page // It has a name that is valid.
	}
	return example.System{
		Name: "fleet",
		Topics: []sluice.Topic{
			{Name: t.positions, Partitions: partitions},
			{Name: t.state, Partitions: partitions, Compact: true},
			{Name: t.alerts, Partitions: partitions},
			{Name: t.city, Partitions: 1, Compact: true},
		},
		Handlers: []sluice.Handler{{
			Config: consumer.Config{
				Name: prefix + "tracker", Topics: []string{t.positions}, Group: prefix + "tracker",
			},
			Handler: consumer.Stateful{
				Table: t.state,
				Open:  func(int32) consumer.State { return newTracker(c, t) },
			},
		}},
		Page:    files,
		Drive:   (&driver{check, s}).run,
		Verdict: check.verdict,
	}
}
