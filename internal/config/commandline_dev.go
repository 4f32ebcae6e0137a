package config

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Dev are the settings of a command that runs both services in one process, for
// a developer: every setting, with defaults for one machine. The embedded
// broker runs unless somebody names an existing Kafka with kafka.brokers.
type Dev struct {
	Config    Config `embed:""`
	Ephemeral bool   `help:"Keep nothing: the embedded broker holds its records in memory."`
}

// NewDev returns the defaults.
func NewDev() Dev {
	cfg := Default()
	cfg.Producer.Listen = []string{"127.0.0.1:8000", "127.0.0.1:8001"}
	cfg.Producer.CreateTopics = true
	cfg.Consumer.Listen = []string{"127.0.0.1:8002"}
	cfg.Consumer.Stream.Topics = []string{"*"}
	return Dev{Config: cfg}
}

// All returns the settings in force, and whether the embedded broker is to run.
func (d Dev) All(kctx *kong.Context) (cfg Config, embedded bool) {
	cfg = d.Config
	if d.Ephemeral {
		cfg.Broker.Data = ""
	}
	return cfg, !given(kctx, "kafka-brokers")
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

// Banner is what a developer reads when everything runs.
type Banner struct {
	Config Config
	// Broker, Producer and Consumer are the addresses that are listened on;
	// Broker is empty where it is not the embedded one.
	Broker             string
	Producer, Consumer []string
	// Reads says what service B does with the records.
	Reads string
	// Path and Body are a request to service A that is worth a try.
	Path, Body string
}

// String says what runs where, and one thing to try.
func (b Banner) String() string {
	cfg := b.Config
	kafka, data := strings.Join(cfg.Kafka.Brokers, ", "), "an existing Kafka"
	if b.Broker != "" {
		kafka, data = b.Broker, "embedded broker, records in "+cfg.Broker.Data
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
	return fmt.Sprintf(`
  Sluice is running. Stop it with Ctrl-C.

    Kafka      %s   (%s)
    service A  %s   writes records, docs at /docs
    service B  %s   %s

  Try:

    curl -X POST %s%s%s -H 'Content-Type: application/json'%s -d '%s'

`, kafka, data, urls(scheme, b.Producer), urls(scheme, b.Consumer), b.Reads, scheme, reachable(b.Producer), b.Path, header, b.Body)
}

func urls(scheme string, addresses []string) string {
	all := make([]string, len(addresses))
	for i, a := range addresses {
		all[i] = scheme + a
	}
	return strings.Join(all, ", ")
}

// reachable returns an address that this machine can connect to.
func reachable(addresses []string) string {
	if len(addresses) == 0 {
		return ""
	}
	name, port, err := net.SplitHostPort(addresses[0])
	if ip := net.ParseIP(name); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addresses[0]
}
