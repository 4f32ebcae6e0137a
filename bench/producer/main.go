// Command producer measures service A beside what one would write without it
// (net/http and franz-go in sixty lines), beside what is under it (a bare HTTP
// server; franz-go alone), and with API keys and limits on and off. All write
// to one Kafka: that of KAFKA_BROKERS, else an embedded broker that is started
// for it. The contestants are processes of their own and take turns within
// each round, so that a noisy minute hits all of them.
//
//	go run ./bench/producer [-rounds 5] [-seconds 3] [-json FILE] [-md FILE]
//
// After each run the records in Kafka are compared with what was acknowledged;
// a difference, or any answer that is not a 200, ends the benchmark with an
// error. A target that is missed does not: it is published. It needs Linux,
// for the processor time of other processes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/bench/internal/process"
	"sluice/bench/producer/baseline"
)

// options are the flags.
type options struct {
	Rounds   int           `json:"rounds"`
	Window   time.Duration `json:"window_nanoseconds"`
	binary   string
	brokers  []string
	only     []string
	json, md string
}

func main() { process.Main(dispatch) }

// dispatch runs a baseline, when this is one of the processes that the
// benchmark starts of itself, else the benchmark.
func dispatch(ctx context.Context, args []string) error {
	role := ""
	if len(args) > 0 {
		role = args[0]
	}
	flags := flag.NewFlagSet(role, flag.ExitOnError)
	broker := flags.String("broker", "", "Kafka")
	topic := flags.String("topic", "", "topic")
	switch role {
	case roleBare:
		return baseline.Bare(ctx)
	case roleSixty:
		linger := flags.Duration("linger", 0, "linger")
		_ = flags.Parse(args[1:]) // Exits on an error.
		return baseline.Sixty(ctx, *broker, *topic, *linger)
	case roleRaw:
		warm := flags.Int64("warm", 0, "records before those that are measured")
		records := flags.Int64("records", 0, "records")
		_ = flags.Parse(args[1:]) // Exits on an error.
		return baseline.Raw(ctx, *broker, *topic, jsonRecord.value, jsonRecord.id, *warm, *records)
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return run(ctx, o)
}

// The processes that the benchmark starts of itself.
const (
	roleBare  = "bare"
	roleSixty = "sixty"
	roleRaw   = "raw"
)

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("producer", flag.ExitOnError)
	rounds := flags.Int("rounds", 5, "rounds; each runs every contestant once")
	seconds := flags.Float64("seconds", 3, "length of a closed loop; an open one takes twice that, and a batch has 200,000 records for each second")
	binary := flags.String("binary", "bin/sluice", "the program to measure")
	only := flags.String("only", "", "run these alone, of "+strings.Join(groupNames, ", ")+"; separated by commas")
	asJSON := flags.String("json", "", "file to write every run to")
	markdown := flags.String("md", "", "file to write the tables to")
	_ = flags.Parse(args) // Exits on an error.
	o := options{
		Rounds: *rounds, Window: time.Duration(*seconds * float64(time.Second)),
		binary: *binary, json: *asJSON, md: *markdown, only: split(*only), brokers: split(os.Getenv("KAFKA_BROKERS")),
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	for _, name := range o.only {
		if !slices.Contains(groupNames, name) {
			return o, fmt.Errorf("-only: %q is none of %s", name, strings.Join(groupNames, ", "))
		}
	}
	if o.Rounds < 1 || o.Window < 100*time.Millisecond {
		return o, fmt.Errorf("there must be one round or more, of a tenth of a second or more")
	}
	return o, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
