// Command consumer measures Sluice's consumer group beside a bare franz-go
// poll loop that is set up like it: with a handler that does nothing, with one
// that waits for 5 ms, with one that stalls, and how soon a record is handled.
// Both read one Kafka: that of KAFKA_BROKERS, else an embedded broker that is
// started for it. They are processes of their own and take turns within each
// round, so that a noisy minute hits both.
//
//	go run ./bench/consumer [-rounds 5] [-seconds 4] [-records 10000000] [-json FILE] [-md FILE]
//
// Every run counts its records and looks at what its group has committed; a
// record that is missing or came twice ends the benchmark with an error. A
// target that is missed does not: it is published. It needs Linux, for the
// memory of other processes, and about 2 GB of disk where TMPDIR is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/internal/kafka"
)

// options are the flags.
type options struct {
	Rounds int `json:"rounds"`
	// Window is the length of a run: see its flag.
	Window time.Duration `json:"window_nanoseconds"`
	// Behind is how many records a handler stalls on.
	Behind   int64 `json:"records_behind_a_stall"`
	brokers  []string
	only     []string
	json, md string
}

func main() { process.Main(dispatch) }

// The processes that the benchmark starts of itself.
const (
	roleMember = "member"
)

// dispatch runs a part, when this is one of the processes that the benchmark
// starts of itself, else the benchmark.
func dispatch(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == roleMember {
		var spec member.Spec
		if err := json.Unmarshal([]byte(args[1]), &spec); err != nil {
			return fmt.Errorf("what the member has to do: %w", err)
		}
		return member.Run(ctx, spec, os.Stdout, os.Stderr)
	}
	if len(args) == 2 && args[0] == cluster.RoleBroker {
		return cluster.Serve(ctx, args[1], os.Stdout, os.Stderr)
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

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("consumer", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "rounds; each runs every contestant once")
	seconds := flags.Float64("seconds", 4, "S: 1,000,000 records for a handler that does nothing and 1,000 for one that waits, each time S; the latency is measured for twice S, a stall for five times S seconds")
	records := flags.Int64("records", 10_000_000, "records behind a handler that stalls")
	only := flags.String("only", "", "run these alone, of "+strings.Join(groupNames, ", ")+"; separated by commas")
	asJSON := flags.String("json", "", "file to write every run to")
	markdown := flags.String("md", "", "file to write the tables to")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{
		Rounds: *rounds, Window: time.Duration(*seconds * float64(time.Second)), Behind: *records,
		json: *asJSON, md: *markdown, only: split(*only), brokers: split(os.Getenv("KAFKA_BROKERS")),
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	for _, name := range o.only {
		if !slices.Contains(groupNames, name) {
			return o, fmt.Errorf("-only: %q is none of %s", name, strings.Join(groupNames, ", "))
		}
	}
	if o.Rounds < 1 {
		return o, errors.New("-rounds: there must be one or more")
	}
	// The upper ends are far beyond any use, and keep the arithmetic whole. What
	// is no number at all is not between them either.
	if within := *seconds >= 0.05 && *seconds <= 3600; !within {
		return o, errors.New("-seconds: must be between 0.05 and 3600")
	}
	if o.Behind < 10_000 || o.Behind > 1_000_000_000 {
		return o, errors.New("-records: must be between 10000 and 1000000000")
	}
	if len(o.brokers) > 0 {
		if err := (kafka.Config{Brokers: o.brokers}).Validate(); err != nil {
			return o, fmt.Errorf("KAFKA_BROKERS: %w", err)
		}
	}
	return o, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
