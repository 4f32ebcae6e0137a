// Command stream measures Sluice's fan-out plane beside the plain design of the
// same thing, a goroutine and a channel for each client: how many records a
// second reach many clients, how old they are then, and the memory of clients
// that wait. Server, clients and Kafka are processes of their own; the servers
// take turns within each round, so that a noisy minute hits both. Kafka is that
// of KAFKA_BROKERS, else an embedded broker that is started for it.
//
//	go run ./bench/stream [-rounds 5] [-seconds 4] [-clients 1000] [-idle 10000] [-json FILE] [-md FILE]
//	go run ./bench/stream -smoke
//
// Every client has to get every record: one that is missing, that came twice or
// out of its partition's order, or a gap, ends the benchmark with an error. A
// target that is missed does not: it is published. It needs Linux, and as many
// open files for a process as there are clients.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/bench/stream/reader"
	"sluice/bench/stream/server"
	"sluice/internal/kafka"
)

// options are the flags.
type options struct {
	Rounds int `json:"rounds"`
	// Window is the length of a run: see its flag.
	Window time.Duration `json:"window_nanoseconds"`
	// Clients read what is delivered, and Idle wait for nothing.
	Clients  int `json:"clients"`
	Idle     int `json:"idle_clients"`
	brokers  []string
	only     []string
	json, md string
	profile  string
}

func main() { process.Main(dispatch) }

// The processes that the benchmark starts of itself.
const (
	roleServer  = "server"
	roleReaders = "readers"
)

// isRole reports whether the arguments are those of such a process.
func isRole(args []string) bool {
	return len(args) == 2 && slices.Contains([]string{roleServer, roleReaders, cluster.RoleBroker}, args[0])
}

// dispatch runs a part, when this is one of the processes that the benchmark
// starts of itself, else the benchmark.
func dispatch(ctx context.Context, args []string) error {
	if isRole(args) {
		return play(ctx, args[0], args[1], os.Stdin, os.Stdout, os.Stderr)
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return run(ctx, o, os.Stdout)
}

// play runs a part.
func play(ctx context.Context, role, what string, in io.Reader, out, log io.Writer) error {
	switch role {
	case roleServer:
		var spec server.Spec
		if err := json.Unmarshal([]byte(what), &spec); err != nil {
			return fmt.Errorf("what the server has to do: %w", err)
		}
		return server.Run(ctx, spec, out, log)
	case roleReaders:
		var spec reader.Spec
		if err := json.Unmarshal([]byte(what), &spec); err != nil {
			return fmt.Errorf("what the readers have to do: %w", err)
		}
		return reader.Run(ctx, spec, in, out)
	}
	return cluster.Serve(ctx, what, out, log)
}

// The bounds of the flags are far beyond any use, and keep the arithmetic whole.
const (
	mostClients = 100_000
	spareFiles  = 200 // that a process has open beside its clients
)

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("stream", flag.ContinueOnError)
	o := options{brokers: split(os.Getenv("KAFKA_BROKERS"))}
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds; each runs every contestant once")
	seconds := flags.Float64("seconds", 4, "S: the deliveries are of 2,500 records of 100 bytes and 1,000 of 1 KiB, each time S; latencies are measured for twice S, idle clients for five times S seconds")
	flags.IntVar(&o.Clients, "clients", 1000, "clients that records are delivered to")
	flags.IntVar(&o.Idle, "idle", 10_000, "clients that wait for records")
	only := flags.String("only", "", "run these alone, of "+strings.Join(onlyNames, ", ")+"; separated by commas")
	flags.StringVar(&o.json, "json", "", "file to write every run to")
	flags.StringVar(&o.md, "md", "", "file to write the tables to")
	flags.StringVar(&o.profile, "profile", "", "folder to write the servers' profiles to, which costs them something")
	smoke := flags.Bool("smoke", false, "one round of some seconds, with few clients, to see that all of it works")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o.only = split(*only)
	if *smoke {
		o.Rounds, *seconds, o.Clients, o.Idle = 1, 0.25, 100, 500
	}
	o.Window = time.Duration(*seconds * float64(time.Second))
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	// What is no number at all is not between these either.
	if within := *seconds >= 0.05 && *seconds <= 3600; !within {
		return o, errors.New("-seconds: must be between 0.05 and 3600")
	}
	return o, o.check()
}

func (o options) check() error {
	for _, name := range o.only {
		if !slices.Contains(onlyNames, name) {
			return fmt.Errorf("-only: %q is none of %s", name, strings.Join(onlyNames, ", "))
		}
	}
	switch {
	case o.Rounds < 1:
		return errors.New("-rounds: there must be one or more")
	case o.Clients < 1 || o.Clients > mostClients:
		return fmt.Errorf("-clients: must be between 1 and %d", mostClients)
	case o.Idle < 1 || o.Idle > mostClients:
		return fmt.Errorf("-idle: must be between 1 and %d", mostClients)
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("how many files may be open: %w", err)
	}
	if need := uint64(max(o.Clients, o.Idle) + spareFiles); files.Max < need {
		return fmt.Errorf("a process may open %d files, and needs %d for so many clients: raise it with ulimit -Hn, or choose fewer with -clients and -idle", files.Max, need)
	}
	if len(o.brokers) > 0 {
		if err := (kafka.Config{Brokers: o.brokers}).Validate(); err != nil {
			return fmt.Errorf("KAFKA_BROKERS: %w", err)
		}
	}
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
