//go:build unix

// Command streams checks the fan-out plane of service B: numbered records go
// into Kafka, clients watch over Server-Sent Events, break their connections at
// random bytes and resume on another replica, while replicas and the broker are
// killed and frozen, partitions are added and records deleted. Then what each
// client saw is held against what was written.
//
//	KAFKA_BROKERS=host:port [KAFKA_PID='command' KAFKA_START='command'] \
//	  go run ./test/streams [-disconnects 1000] [-clients 40] [-seed 1] [-md FILE]
//
// KAFKA_PID prints the number of the broker's process, KAFKA_START starts it
// again with the same data. Take one that nobody else needs; without them the
// broker is left alone.
//
// With -deploy no client breaks its connection: one of two replicas is
// restarted under load, and then all clients come back at once from a position
// that is older than the ring.
//
// It ends with an error if anything was lost, out of order, repeated within a
// connection or seen that should not have been, and keeps its files then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sluice/test/harm"
)

// replicaRole is the hidden subcommand of a replica's process.
const replicaRole = "replica"

func main() { harm.Main("streams", dispatch) }

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == replicaRole {
		o, err := parseReplica(args[1:])
		if err != nil {
			return err
		}
		return runReplica(ctx, o, os.Stderr, harm.BeChild())
	}
	o, err := parseOptions(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return run(ctx, o, os.Getenv, os.Stdout)
}

// options are the flags.
type options struct {
	disconnects, faults, clients, replicas, partitions int
	seed                                               uint64
	most                                               time.Duration
	rate                                               float64
	ring                                               int64
	md                                                 string
	keep, deploy, hasty                                bool
	command                                            string // for the report
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	o := options{command: strings.Join(args, " ")}
	flags := flag.NewFlagSet("streams", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.disconnects, "disconnects", 1000, "how many connections the clients break at least")
	flags.IntVar(&o.faults, "faults", 24, "how many faults there are meanwhile")
	flags.IntVar(&o.clients, "clients", 40, "how many clients watch")
	flags.IntVar(&o.replicas, "replicas", 3, "how many replicas there are")
	flags.IntVar(&o.partitions, "partitions", 4, "how many partitions each of the two topics has at first")
	flags.Uint64Var(&o.seed, "seed", 1, "which faults, and when")
	flags.DurationVar(&o.most, "max", 30*time.Minute, "how long the faults may take in all")
	flags.Float64Var(&o.rate, "rate", 300, "records a second")
	flags.Int64Var(&o.ring, "ring", 1<<20, "consumer.stream.ring of the replicas, in bytes")
	flags.BoolVar(&o.deploy, "deploy", false, "restart one of two replicas under calm clients instead, and have them all catch up at once")
	flags.BoolVar(&o.hasty, "hasty", false, "shorter faults and pauses, and none that takes long")
	flags.StringVar(&o.md, "md", "", "write the report to this file, as Markdown")
	flags.BoolVar(&o.keep, "keep", false, "keep the files and the topics also when all was well")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	return o, o.validate()
}

func (o options) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.disconnects < 0, "-disconnects %d: must not be negative", o.disconnects)
	bad(o.faults < 0 || o.faults > 10_000, "-faults %d: must be from 0 to 10000", o.faults)
	bad(o.clients < 1 || o.clients > 5000, "-clients %d: must be from 1 to 5000", o.clients)
	bad(o.replicas < 2 || o.replicas > 16, "-replicas %d: must be from 2 to 16", o.replicas)
	bad(o.partitions < 1 || o.partitions > 16, "-partitions %d: must be from 1 to 16", o.partitions)
	bad(o.most < time.Second, "-max %s: must be a second at least", o.most)
	bad(!(o.rate > 0 && o.rate <= 100_000), "-rate %g: must be above 0 and at most 100000", o.rate)
	bad(o.ring < 1<<20, "-ring %d: must be 1048576 at least", o.ring)
	return errors.Join(errs...)
}

func parseReplica(args []string) (replicaOptions, error) {
	var o replicaOptions
	flags := flag.NewFlagSet("streams "+replicaRole, flag.ContinueOnError)
	flags.StringVar(&o.brokers, "brokers", "", "Kafka")
	flags.StringVar(&o.listen, "listen", "", "host:port")
	flags.StringVar(&o.topics, "topics", "", "what is streamed")
	flags.StringVar(&o.idle, "idle", "", "the handler's topic and group")
	flags.Int64Var(&o.ring, "ring", 0, "bytes")
	return o, flags.Parse(args)
}
