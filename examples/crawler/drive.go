package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"sluice/examples/internal/example"
)

// drive serves the web at an address, submits its first page, and hands the checker what comes
// of it, until ctx ends.
func drive(ctx context.Context, client *example.Client, address string, check *checker) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the web's hosts, as -web says: %w", err)
	}
	check.via = listener.Addr().String()
	server := &http.Server{Handler: check.web, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		<-ctx.Done()
		return server.Close() // Whoever is asking does so for the next run.
	})
	work.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	work.Go(func() error {
		seed := task{URL: pageOf(0, 0), Via: check.via}
		return client.Write(ctx, check.topics.frontier, example.Line{Key: hostOf(0), Value: seed})
	})
	work.Go(func() error {
		return client.Follow(ctx, []string{check.topics.pages, check.topics.letters}, check.take)
	})
	return work.Wait()
}
