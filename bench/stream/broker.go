package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sluice/internal/broker"
)

// listening is what the broker's process writes when clients can connect.
type listening struct {
	Address string `json:"address"`
}

// serveBroker runs the embedded broker on a free port until ctx ends. It keeps
// its records in the folder and deletes none, whatever their number.
func serveBroker(ctx context.Context, folder string, out, log io.Writer) error {
	b, err := broker.Start(broker.Config{
		Listen: "127.0.0.1:0", Data: folder, Partitions: partitions, Retention: broker.Retention{Every: time.Minute},
	}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(listening{b.Addr()}); err != nil {
		_ = b.Close() // Nobody will know that it was there.
		return fmt.Errorf("tell the address: %w", err)
	}
	<-ctx.Done()
	return b.Close()
}
