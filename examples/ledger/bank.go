package main

import (
	"context"
	"crypto/rand"
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
)

//go:embed page
var files embed.FS

// options are the example's own flags.
type options struct {
	rate    int
	clients int
	bug     bug
}

func (o *options) flags(f *flag.FlagSet) {
	f.IntVar(&o.rate, "rate", 200, "transfers a second that the clients send in all")
	f.IntVar(&o.clients, "clients", 8, "clients that send at the same time")
	f.Var(&o.bug, "bug", "a bug in the branches, to see the auditor notice it: "+strings.Join(bugs[1:], ", "))
}

// system puts the bank together.
func (o *options) system(prefix string) example.System {
	t := topicsOf(prefix)
	a := newAuditor(t)
	page, err := fs.Sub(files, "page")
	if err != nil {
		page = files // It was embedded: it is there.
	}
	return example.System{
		Name:   "ledger",
		Topics: t.list(),
		Handlers: []sluice.Handler{
			{
				Config:  consumer.Config{Name: "intake", Topics: []string{t.transfers}, Group: prefix + "intake"},
				Handler: intake(t),
			},
			{
				Config:  consumer.Config{Name: "accounts", Topics: []string{t.requests}, Group: prefix + "accounts"},
				Handler: consumer.Stateful{Table: t.balances, Open: o.bug.open(t)},
			},
		},
		Page:    page,
		Drive:   func(ctx context.Context, c *example.Client) error { return o.drive(ctx, c, t, a) },
		Verdict: a.verdict,
	}
}

// drive runs the clients and the auditor until ctx ends, or one of them cannot
// go on.
func (o *options) drive(ctx context.Context, c *example.Client, t topics, a *auditor) error {
	if o.rate < 0 || o.clients < 1 {
		return fmt.Errorf("--rate %d, --clients %d: the rate cannot be below 0, and there has to be a client", o.rate, o.clients)
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var clients, all sync.WaitGroup
	spawn := func(group *sync.WaitGroup, run func(context.Context) error) {
		group.Go(func() {
			if err := run(working); err != nil {
				stop(err) // The first counts, which may be that ctx has ended.
			}
		})
	}
	spawn(&all, func(ctx context.Context) error { return a.follow(ctx, c) })
	run := strings.ToLower(rand.Text()[:6]) // Another run's ids are others.
	for n := range o.clients {
		sender := newClient(fmt.Sprintf("%s-%d", run, n), t.transfers, a)
		spawn(&clients, func(ctx context.Context) error { return sender.run(ctx, c, float64(o.rate)/float64(o.clients)) })
	}
	clients.Wait()
	a.end()
	all.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}
