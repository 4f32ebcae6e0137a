// Command sluice is the binary: each file here is one command, which parses
// its flags and runs a part of the program. There is no logic here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sluice/internal/config"

	"github.com/alecthomas/kong"
)

// sameSignal is how long after the first signal another one is taken for it.
const sameSignal = time.Second

// cli are the commands and what they share.
type cli struct {
	Config string `env:"SLUICE_CONFIG" placeholder:"FILE" help:"Settings file; sluice.yaml in the working directory where it exists."`

	Dev         devCommand         `cmd:"" help:"Run both services and an embedded broker in one process."`
	Producer    producerCommand    `cmd:"" help:"Run service A: HTTP in, Kafka out."`
	Consumer    consumerCommand    `cmd:"" help:"Run service B: Kafka in, handlers out."`
	Broker      brokerCommand      `cmd:"" help:"Run the embedded broker alone."`
	Topic       topicCommand       `cmd:"" help:"Create and list topics."`
	Group       groupCommand       `cmd:"" help:"Show and move the offsets of consumer groups."`
	Keys        keysCommand        `cmd:"" help:"Make API keys."`
	Settings    settingsCommand    `cmd:"" name:"config" help:"Check, print and document the settings."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit with 0 when a service is ready for traffic."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal begins the drain, and a later one kills. Supervisors
	// and terminals send the first one twice, to the process and to its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// streams are what a command writes to.
type streams struct{ out, err io.Writer }

// run is the whole program, for a test to call. It returns the exit code: 0
// for success, 1 for a failure, 2 for a command line or settings that are
// wrong.
func run(ctx context.Context, args []string, std streams) int {
	c := newCLI()
	exit := -1
	parser, err := kong.New(c,
		kong.Name("sluice"),
		kong.Description("Events from HTTP into Kafka, and out of Kafka to whoever waits for them."),
		kong.DefaultEnvars(config.EnvPrefix),
		kong.UsageOnError(),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
		kong.WithBeforeResolve(func(kctx *kong.Context) error {
			file, err := config.ReadFile(fileOf(kctx))
			if err == nil {
				kctx.AddResolver(file)
			}
			return err
		}),
	)
	if err != nil {
		return fail(std, err, 2)
	}
	config.ShowDefaults(parser.Model)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		return fail(std, err, 2)
	}
	err = kctx.Run()
	var wrong settingsError
	switch {
	case errors.As(err, &wrong):
		return fail(std, err, 2)
	case err != nil:
		return fail(std, err, 1)
	}
	return 0
}

// fileOf returns the settings file that was asked for by flag or environment.
func fileOf(kctx *kong.Context) string {
	for _, flag := range kctx.Flags() {
		if flag.Name == "config" {
			name, _ := kctx.FlagValue(flag).(string)
			return name
		}
	}
	return ""
}

func fail(std streams, err error, code int) int {
	_, _ = fmt.Fprintln(std.err, "sluice:", err) // Nowhere else to say it.
	return code
}

// settingsError marks what is wrong with the settings, not with the work.
type settingsError struct{ error }

func (e settingsError) Unwrap() error { return e.error }
