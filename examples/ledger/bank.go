package main

import (
	"context"
	"crypto/rand"
	"embed"
	"flag"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
)

//go:embed page
var files embed.FS

// options are the example's own flags.
type options struct {
	rate uint
	bugs bugs
}

func (o *options) flags(f *flag.FlagSet) {
	f.UintVar(&o.rate, "rate", 200, "transfers a second that the clients send in all")
	f.BoolVar(&o.bugs.forgetIDs, "forget-ids", false, "a bug: the branches honour repeats")
	f.BoolVar(&o.bugs.loseCredits, "lose-credits", false, "a bug: the branches lose a credit now and then")
}

// clients send at the same time.
const clients = 8

// system puts the bank together.
func (o *options) system(prefix string) example.System {
	t := topicsOf(prefix)
	a := newAuditor(t, clients)
	page, _ := fs.Sub(files, "page") // It was embedded: it is there.
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
				Handler: consumer.Stateful{Table: t.balances, Open: func(partition int32) consumer.State { return o.open(t, partition) }},
			},
		},
		Page:    page,
		Drive:   func(ctx context.Context, c *example.Client) error { return o.drive(ctx, c, a) },
		Verdict: a.verdict,
	}
}

// open makes the state of a branch: a right one, unless there is a bug.
func (o *options) open(t topics, partition int32) consumer.State {
	if o.bugs != (bugs{}) {
		return buggy{newBranch(t, partition), o.bugs}
	}
	return newBranch(t, partition)
}

// drive runs the clients and the auditor until ctx ends, or one of them cannot
// go on.
func (o *options) drive(ctx context.Context, c *example.Client, a *auditor) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		return c.Follow(ctx, []string{a.topics.transfers, a.topics.entries, a.topics.balances, a.topics.rejected}, a.take)
	})
	run := rand.Text()[:6] // Another run's ids are others.
	for n := range clients {
		sender := newClient(fmt.Sprintf("%s-%d", run, n), a)
		work.Go(func() error { return sender.run(ctx, c, float64(o.rate)/clients) })
	}
	return work.Wait()
}
