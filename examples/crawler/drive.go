package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/examples/internal/example"
)

const (
	// seedEvery is how often the seeds are submitted again, each time in another
	// spelling: people do that.
	seedEvery = 500 * time.Millisecond
	// lettersEvery is how often the dead letters are looked at.
	lettersEvery = 2 * time.Second
)

// drive serves the web, submits the seeds, and hands the checker what comes of
// them, until ctx ends.
func (c *crawl) drive(ctx context.Context, client *example.Client) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.flags.web)
	if err != nil {
		return fmt.Errorf("listen for the web's hosts, as -web says: %w", err)
	}
	server := &http.Server{Handler: c.web, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var running sync.WaitGroup
	start := func(part func() error) {
		running.Go(func() {
			if err := part(); err != nil && ctx.Err() == nil {
				fail(err)
			}
		})
	}
	start(func() error { return server.Serve(listener) })
	via := listener.Addr().String()
	start(func() error { return c.submit(ctx, client, via) })
	start(func() error { return c.follow(ctx, client) })
	start(func() error { return c.lookAtLetters(ctx, newLetters(client.B, c.group, via)) })
	<-ctx.Done()
	_ = server.Close() // Whoever is asking does so for the next run.
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// submit writes the seeds through service A, again and again until the input
// ends.
func (c *crawl) submit(ctx context.Context, client *example.Client, via string) error {
	tick := time.NewTicker(seedEvery)
	defer tick.Stop()
	for way := 0; ; way++ {
		for _, seed := range c.graph.seeds() {
			at, err := parseAddress(nil, seed)
			if err != nil {
				return err
			}
			seed = spell(seed, seed, firstAbsolute+way%(spellings-firstAbsolute))
			if err := client.Write(ctx, c.topics.frontier, example.Line{Key: at.host, Value: task{URL: seed, Via: via}}); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-client.Input.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// follow hands the checker what readers of committed records see.
func (c *crawl) follow(ctx context.Context, client *example.Client) error {
	return client.Follow(ctx, []string{c.topics.pages}, func(e example.Event) error {
		c.checker.take(e)
		return nil
	})
}

// lookAtLetters hands the checker the dead letters. One look that fails is
// followed by another.
func (c *crawl) lookAtLetters(ctx context.Context, l letters) error {
	defer l.client.CloseIdleConnections()
	tick := time.NewTicker(lettersEvery)
	defer tick.Stop()
	for {
		if urls, err := l.urls(ctx); err == nil {
			c.checker.deadLetters(urls)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
