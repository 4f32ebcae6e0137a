package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"sluice/bench/internal/process"
	"sluice/internal/broker"
)

// RoleBroker is the first argument of a benchmark's program that has to run
// Serve; the second is the folder.
const RoleBroker = "broker"

// Broker is an embedded broker, a process of its own.
type Broker struct {
	*process.Process
	Address string
	// What says what it is, for a report.
	What string
}

// listening is what the broker's process writes when clients can connect.
type listening struct {
	Address string `json:"address"`
}

// Launch starts the program self as a broker, with its records in dir.
func Launch(dir, self string) (*Broker, error) {
	p, err := process.Launch(dir, "broker", self, RoleBroker, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	var l listening
	if err := p.Read(&l); err != nil {
		p.Stop()
		return nil, err
	}
	return &Broker{p, l.Address, "the embedded broker, as a process of its own, records in a folder"}, nil
}

// Serve runs the embedded broker on a free port until ctx ends. It keeps its
// records in the folder and deletes none, whatever their number.
func Serve(ctx context.Context, folder string, out, log io.Writer) error {
	b, err := broker.Start(broker.Config{
		Listen: "127.0.0.1:0", Data: folder, Partitions: Partitions, Retention: broker.Retention{Every: time.Minute},
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
