package example

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	replica bool

	brokers, brokerListen, producerListen, consumerListen, listen string
	prefix, data, auth                                            string
	input, patience                                               time.Duration
	noHandlers, child                                             bool
	level                                                         slog.Level
}

const replicaCommand = "replica"

// parse reads the arguments. The error is flag.ErrHelp when the help was asked
// for, and has been told on out like every other one.
func parse(name string, args []string, flags func(*flag.FlagSet), out io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(out, usage, name)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.brokers, "brokers", os.Getenv("KAFKA_BROKERS"), "the `host:port` list of an existing Kafka (KAFKA_BROKERS); an embedded broker when empty, and for a replica 127.0.0.1:9092")
	fs.StringVar(&o.producerListen, "producer-listen", "127.0.0.1:8000", "`address` of service A")
	fs.StringVar(&o.consumerListen, "consumer-listen", "127.0.0.1:8002", "`address` of service B and the page")
	fs.StringVar(&o.brokerListen, "broker-listen", "127.0.0.1:9092", "`address` of the embedded broker")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8012", "`address` of a replica")
	fs.StringVar(&o.prefix, "prefix", name+".", "what the names of all topics and groups begin with")
	fs.StringVar(&o.data, "data", "", "`folder` in which the embedded broker keeps its records; in memory only when empty")
	fs.StringVar(&o.auth, "auth", "", "none lets everybody in, for addresses that other machines can reach")
	fs.DurationVar(&o.input, "for", 0, "how long the input lasts; without an end when 0")
	fs.DurationVar(&o.patience, "patience", time.Minute, "with -for: how long all of the input may take to be accounted for after it has ended")
	fs.BoolVar(&o.noHandlers, "no-handlers", false, "leave the work to the replicas")
	fs.BoolVar(&o.child, "child", false, "for tests: begin the input with a line on standard input, and end when that ends")
	fs.TextVar(&o.level, "log-level", slog.LevelWarn, "least `level` that is logged: debug, info, warn or error")
	if flags != nil {
		flags(fs)
	}
	if len(args) > 0 && args[0] == replicaCommand {
		o.replica, args = true, args[1:]
	}
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(fs.Args()); err != nil {
		_, _ = fmt.Fprintf(out, "%s: %v\n", name, err)
		return o, err
	}
	if o.replica {
		o.brokers = cmp.Or(o.brokers, "127.0.0.1:9092")
	}
	return o, nil
}

const usage = `Usage: %[1]s [flags]           everything in one process: input, services, handlers, checker
       %[1]s replica [flags]   service B with the same handlers, beside it: one to kill

`

func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no command and no flag; see -help", rest[0])
	case o.auth != "" && o.auth != "none":
		return fmt.Errorf("-auth is none or nothing, not %q", o.auth)
	case o.input < 0 || o.patience < 0:
		return errors.New("-for and -patience are not negative")
	case o.prefix == "":
		return errors.New("-prefix is empty: the topics of several systems would be the same")
	}
	return nil
}

// programName is the name of the main package, which is that of its folder.
func programName() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" && info.Path != "command-line-arguments" {
		return strings.TrimSuffix(path.Base(info.Path), ".test")
	}
	return strings.TrimSuffix(path.Base(os.Args[0]), ".exe")
}
