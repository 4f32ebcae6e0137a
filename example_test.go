package sluice_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// Everything in one process, on free ports and with an embedded broker, such as
// for a test of a handler with all that surrounds it: a record goes to service
// A over HTTP and comes out of service B.
func Example() {
	cfg := sluice.DefaultConfig()
	cfg.Broker.Listen, cfg.Broker.Data = "127.0.0.1:0", "" // In memory.
	cfg.Producer.Listen = []string{"127.0.0.1:0"}
	cfg.Consumer.Listen = []string{"127.0.0.1:0"}

	ctx, stop := context.WithCancel(context.Background())
	program := sluice.New(cfg, sluice.Options{
		Broker: true, Producer: true, Consumer: true,
		Log:     slog.New(slog.DiscardHandler),
		Started: func(a sluice.Addresses) { write("http://"+a.Producer[0]+"/topics/test-topic", "order 1") },
	})
	program.Handle(
		consumer.Config{Name: "billing", Topics: []string{"test-topic"}, Group: "billing"},
		consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
			fmt.Printf("billed %s\n", r.Value)
			stop() // One is enough here.
			return nil
		}),
	)
	if err := program.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: billed order 1
}

// write sends a record until it is taken: at first, service A has not found the
// broker yet, and refuses it.
func write(url, value string) {
	for {
		resp, err := http.Post(url, "text/plain", strings.NewReader(value))
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close() // Its status says enough.
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
}
