package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"sluice"
	"sluice/internal/config"

	"github.com/alecthomas/kong"
)

// devCommand has every setting. The embedded broker runs unless somebody names
// an existing Kafka with kafka.brokers.
type devCommand struct {
	Config    config.Config `embed:""`
	Ephemeral bool          `help:"Keep nothing: the embedded broker holds its records in memory."`
}

func newDev(d config.Config) devCommand {
	d.Producer.Listen = []string{"127.0.0.1:8000", "127.0.0.1:8001"}
	d.Producer.CreateTopics = true
	d.Consumer.Listen = []string{"127.0.0.1:8002"}
	return devCommand{Config: d}
}

// Run runs everything in one process.
func (c *devCommand) Run(ctx context.Context, std streams, kctx *kong.Context) error {
	cfg := c.Config
	embedded := !given(kctx, "kafka-brokers")
	if c.Ephemeral {
		cfg.Broker.Data = ""
	}
	return serve(ctx, std, cfg, sluice.Options{
		Producer: true, Consumer: true, Broker: embedded,
		Started: func(a sluice.Addresses) { banner(std, cfg, a) },
	})
}

// given reports whether a flag has its value from the command line, the
// environment or the file.
func given(kctx *kong.Context, name string) bool {
	for _, p := range kctx.Path {
		if p.Flag != nil && p.Flag.Name == name {
			return true
		}
	}
	for _, flag := range kctx.Flags() {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set && flag.Name == name {
				return true
			}
		}
	}
	return false
}

// banner says what runs where, and one thing to try.
func banner(std streams, cfg config.Config, a sluice.Addresses) {
	kafka, data := strings.Join(cfg.Kafka.Brokers, ", "), "an existing Kafka"
	if a.Broker != "" {
		kafka, data = a.Broker, "embedded broker, records in "+cfg.Broker.Data
		if cfg.Broker.Data == "" {
			data = "embedded broker, records in memory only"
		}
	}
	scheme, header := "http://", ""
	if cfg.HTTP.TLS.Enabled() {
		scheme = "https://"
	}
	if cfg.Auth.Configured() {
		header = " -H 'Authorization: Bearer KEY'"
	}
	// A banner that cannot be written is no reason to stop.
	_, _ = fmt.Fprintf(std.err, `
  Sluice is running. Stop it with Ctrl-C.

    Kafka      %s   (%s)
    service A  %s   writes records, docs at /docs
    service B  %s   reads them; each appears below as "Message received: ..."

  Try:

    curl -X POST %s%s/produce -H 'Content-Type: application/json'%s -d '{"content": "hello"}'

`, kafka, data, urls(scheme, a.Producer), urls(scheme, a.Consumer), scheme, host(a.Producer), header)
}

func urls(scheme string, addresses []string) string {
	all := make([]string, len(addresses))
	for i, a := range addresses {
		all[i] = scheme + a
	}
	return strings.Join(all, ", ")
}

// host returns an address that this machine can connect to.
func host(addresses []string) string {
	if len(addresses) == 0 {
		return ""
	}
	name, port, err := net.SplitHostPort(addresses[0])
	if ip := net.ParseIP(name); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addresses[0]
}
