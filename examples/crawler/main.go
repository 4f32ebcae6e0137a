// Command crawler is a crawler of a web that it brings along: 50,000 pages
// on 200 hosts, with all that crawlers stumble over. See README.md.
package main

import (
	"context"
	"embed"
	"flag"
	"io/fs"
	"time"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
)

//go:embed page
var files embed.FS

func main() {
	var f flags
	example.Main(f.register, func(prefix string) example.System { return newSystem(prefix, f) })
}

// flags are the example's own.
type flags struct {
	web          string
	hosts, pages int
	pause        time.Duration
}

func (f *flags) register(set *flag.FlagSet) {
	set.StringVar(&f.web, "web", "127.0.0.1:8020", "`address` of the web that is crawled")
	set.IntVar(&f.hosts, "hosts", 200, "hosts of the web, 1 to 250")
	set.IntVar(&f.pages, "pages", 50_000, "pages of the web, in all, up to a million")
	set.DurationVar(&f.pause, "pause", 80*time.Millisecond, "how long the hosts want to be left alone after a request, 20ms to 500ms")
}

// newSystem puts the example together: a crawler, its web, and a judge of both.
func newSystem(prefix string, f flags) example.System {
	const partitions = 6
	page, err := fs.Sub(files, "page")
	if err != nil {
		page = files // It was embedded: it is there.
	}
	// What the web can be made of.
	f.hosts = min(max(f.hosts, 1), 250)
	f.pages = min(max(f.pages, f.hosts), 1_000_000)
	f.pause = min(max(f.pause, shortestDelay), longestDelay/2).Round(time.Millisecond)
	t := topicsOf(prefix)
	check := newChecker(newWeb(newGraph(f.hosts, f.pages), f.pause), t)
	client := newClient()
	return example.System{
		Name: "crawler",
		Topics: []sluice.Topic{
			{Name: t.frontier, Partitions: partitions},
			{Name: t.pages, Partitions: partitions},
			{Name: t.seen, Partitions: partitions, Compact: true},
			{Name: t.letters, Partitions: partitions}, // From the beginning, so that it can be followed.
		},
		Handlers: []sluice.Handler{{
			Config: consumer.Config{
				Name: "fetch", Topics: []string{t.frontier}, Group: groupOf(prefix),
				// A host is a lane: one request at a time, while others go on.
				Order: consumer.OrderKey, Concurrency: concurrency,
				Timeout: 3 * longestPause,
				Retry:   consumer.Retry{Attempts: 3, First: 100 * time.Millisecond, Max: 5 * time.Second},
			},
			Handler: consumer.Stateful{
				Table: t.seen,
				Open:  func(int32) consumer.State { return newState(t, client) },
			},
		}},
		Page:    page,
		Drive:   func(ctx context.Context, c *example.Client) error { return drive(ctx, c, f.web, check) },
		Verdict: check.verdict,
	}
}
