// Package server are the programs that are compared: Sluice's service B, and
// the plain design of the same thing. Each runs as a process of its own, gets
// what it has to do as JSON, and tells on standard output, as a JSON line, where
// it listens.
package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Spec is what a server has to do.
type Spec struct {
	// Plain is the plain design; else it is Sluice.
	Plain   bool     `json:"plain,omitempty"`
	Brokers []string `json:"brokers"`
	// Topic is streamed.
	Topic string `json:"topic"`
	// Idle is another topic, in which there is nothing, and Group the group
	// that reads it: service B has a handler always.
	Idle  string `json:"idle,omitempty"`
	Group string `json:"group,omitempty"`
	// Profile has the server give out its profiles on a second address.
	Profile bool `json:"profile,omitempty"`
}

// Listening is what a server writes when clients can connect.
type Listening struct {
	Address string `json:"address"`
	// Path is where the topic is streamed.
	Path    string `json:"path"`
	Profile string `json:"profile,omitempty"`
}

// Run serves until ctx ends. What there is to say goes to log.
func Run(ctx context.Context, spec Spec, out, log io.Writer) error {
	l := Listening{}
	if spec.Profile {
		address, stop, err := serveProfiles(ctx)
		if err != nil {
			return err
		}
		defer stop()
		l.Profile = address
	}
	serve := runSluice
	if spec.Plain {
		serve = runPlain
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	return serve(ctx, spec, logger, func(address, path string) error {
		l.Address, l.Path = address, path
		return json.NewEncoder(out).Encode(l)
	})
}

// serveProfiles gives out what runtime/pprof knows, as net/http/pprof does.
func serveProfiles(ctx context.Context) (address string, stop func(), err error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l) // Ends with Close.
	}()
	return l.Addr().String(), func() {
		_ = s.Close() // Nobody needs what is under way.
		<-ended
	}, nil
}
