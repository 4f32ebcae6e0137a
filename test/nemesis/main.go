//go:build unix

// Command nemesis torments service B on a real Kafka: the processes of a group
// and the broker are killed and frozen again and again under load, partitions
// are added, and then what the handlers did is held against what was written.
//
//	KAFKA_BROKERS=host:port KAFKA_PID='command' KAFKA_START='command' \
//	  go run ./test/nemesis [-faults 100] [-members 3] [-seed 1] [-max 40m] [-md FILE]
//
// KAFKA_PID prints the number of the broker's process, KAFKA_START starts it
// again with the same data. Take one that nobody else needs. -faults 7 has one
// fault of each kind and is done within three minutes.
//
// It ends with an error if anything was lost, out of order or committed too
// early, and keeps its files then. The faults are those of the seed; what is
// just going on when they come is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"sluice/test/harm"
)

// memberRole is the hidden subcommand of a member's process.
const memberRole = "member"

func main() { harm.Main("nemesis", dispatch) }

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == memberRole {
		o, err := parseMember(args[1:])
		if err != nil {
			return err
		}
		return runMember(ctx, o, os.Stderr, harm.BeChild())
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
	faults, members, static int
	seed                    uint64
	most                    time.Duration
	rate, poison, trouble   float64
	md                      string
	keep                    bool
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("nemesis", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.faults, "faults", 100, "how many faults; two at once count as one")
	flags.IntVar(&o.members, "members", 3, "how many members the group has")
	flags.IntVar(&o.static, "static", 1, "how many of them are static members, with a name of their own in the group")
	flags.Uint64Var(&o.seed, "seed", 1, "which faults, and when")
	flags.DurationVar(&o.most, "max", 40*time.Minute, "how long it may take in all; an eighth of it, at most five minutes, is kept for the end")
	flags.Float64Var(&o.rate, "rate", 300, "records a second")
	flags.Float64Var(&o.poison, "poison", 0.002, "the share of records that fail for good or each time, and become dead letters")
	flags.Float64Var(&o.trouble, "trouble", 0.02, "the share of attempts that fail without a reason, a tenth of them by a panic")
	flags.StringVar(&o.md, "md", "", "write the report to this file, as Markdown")
	flags.BoolVar(&o.keep, "keep", false, "keep the files, the topics and the group also when all was well")
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
	bad(o.faults < 0 || o.faults > 10_000, "-faults %d: must be from 0 to 10000", o.faults)
	bad(o.members < 1 || o.members > 16, "-members %d: must be from 1 to 16", o.members)
	bad(o.static < 0 || o.static > o.members, "-static %d: must be from 0 to the %d of -members", o.static, o.members)
	bad(o.most < time.Minute, "-max %s: must be a minute at least", o.most)
	bad(!(o.rate > 0 && o.rate <= 100_000), "-rate %g: must be above 0 and at most 100000", o.rate)
	bad(!(o.poison >= 0 && o.poison <= 1), "-poison %g: must be from 0 to 1", o.poison)
	bad(!(o.trouble >= 0 && o.trouble < 1), "-trouble %g: must be from 0 to less than 1", o.trouble)
	return errors.Join(errs...)
}

func parseMember(args []string) (memberOptions, error) {
	var o memberOptions
	flags := flag.NewFlagSet("nemesis "+memberRole, flag.ContinueOnError)
	flags.StringVar(&o.brokers, "brokers", "", "Kafka")
	flags.StringVar(&o.topic, "topic", "", "topic")
	flags.StringVar(&o.group, "group", "", "group")
	flags.StringVar(&o.instance, "instance", "", "name of a static member")
	flags.StringVar(&o.file, "file", "", "what it does is written here")
	flags.Uint64Var(&o.seed, "seed", 0, "of its moods")
	flags.Float64Var(&o.trouble, "trouble", 0, "share of attempts that fail")
	return o, flags.Parse(args)
}
