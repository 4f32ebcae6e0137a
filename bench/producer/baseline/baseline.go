// Package baseline are the programs that service A is measured beside: what
// one would write without it, and what is under it. Each runs as a process of
// its own and tells on standard output, as JSON lines, where it listens or
// what it did.
package baseline

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
)

// Listening is what a server writes when requests can come.
type Listening struct {
	Address string `json:"address"`
}

// serve serves on a free port until ctx ends.
func serve(ctx context.Context, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(Listening{l.Addr().String()}); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	server := &http.Server{Handler: h}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // Nothing is under way that anybody waits for.
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// Bare is a net/http server with a constant answer, of about the size of a
// gateway's: the floor under all of them.
func Bare(ctx context.Context) error {
	answer := []byte(`{"topic":"bench","partition":0,"offset":0,"timestamp":"1970-01-01T00:00:00.000Z"}`)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /produce", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // A client that has gone is told nothing.
	})
	return serve(ctx, mux)
}
