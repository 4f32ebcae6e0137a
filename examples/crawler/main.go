// The command crawler is a crawler of a web that it brings along: 50,000 pages
// on 200 hosts, with all that crawlers stumble over. See README.md.
package main

import (
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

func main() { run() }

// run is the program; tests call it, too.
func run() {
	var f flags
	example.Main(f.register, func(prefix string) example.System { return newCrawl(prefix, f).system() })
}

// flags are the example's own.
type flags struct {
	web          string
	hosts, pages int
	seed         uint64
	pause        time.Duration
}

func (f *flags) register(set *flag.FlagSet) {
	set.StringVar(&f.web, "web", "127.0.0.1:8020", "`address` of the web that is crawled")
	set.IntVar(&f.hosts, "hosts", 200, "hosts of the web, 1 to 1000")
	set.IntVar(&f.pages, "pages", 50_000, "pages of the web, in all, up to a million")
	set.Uint64Var(&f.seed, "seed", 1, "another web for each number")
	set.DurationVar(&f.pause, "pause", 80*time.Millisecond, "how long most hosts want to be left alone after a request, 20ms to 500ms")
}

// bounded keeps the numbers within what the web can be made of.
func (f flags) bounded() flags {
	f.hosts = min(max(f.hosts, 1), 1000)
	f.pages = min(max(f.pages, f.hosts), 1_000_000)
	f.pause = min(max(f.pause, shortestDelay), longestDelay/2).Round(time.Millisecond)
	return f
}

// crawl is the example: a crawler, its web, and a judge of both.
type crawl struct {
	flags  flags
	topics topics
	group  string

	graph   *graph
	web     *web
	checker *checker
}

func newCrawl(prefix string, f flags) *crawl {
	c := &crawl{flags: f.bounded(), topics: topicsOf(prefix), group: prefix + "fetch"}
	c.graph = newGraph(c.flags.hosts, c.flags.pages, c.flags.seed)
	c.web = newWeb(c.graph, c.flags.pause)
	c.checker = newChecker(c.graph, c.web)
	return c
}

func (c *crawl) system() example.System {
	const partitions = 6
	page, err := fs.Sub(files, "page")
	if err != nil {
		page = files // It was embedded: it is there.
	}
	fetcher := newFetcher()
	return example.System{
		Name: "crawler",
		Topics: []sluice.Topic{
			{Name: c.topics.frontier, Partitions: partitions},
			{Name: c.topics.pages, Partitions: partitions},
			{Name: c.topics.seen, Partitions: partitions, Compact: true},
		},
		Handlers: []sluice.Handler{{
			Config: consumer.Config{
				Name: "fetch", Topics: []string{c.topics.frontier}, Group: c.group,
				// A host is a lane: one request at a time, while others go on.
				Order: consumer.OrderKey, Concurrency: concurrency,
				Timeout: 3 * patience,
				Retry:   consumer.Retry{Attempts: 8, First: 100 * time.Millisecond, Max: 5 * time.Second},
			},
			Handler: consumer.Stateful{
				Table: c.topics.seen,
				Open:  func(int32) consumer.State { return newState(c.topics, fetcher) },
			},
		}},
		Page:    page,
		Drive:   c.drive,
		Verdict: c.checker.verdict,
	}
}
