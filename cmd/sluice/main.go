// Command sluice is the binary: each file here is one command, which parses
// its flags and runs a part of the program. There is no logic here.
package main

import (
	"context"
	"io"
	"os"

	"sluice/internal/config"
)

// cli are the commands and what they share.
type cli struct {
	config.FileFlag

	Dev         devCommand         `cmd:"" help:"Run both services and an embedded broker in one process."`
	Producer    producerCommand    `cmd:"" help:"Run service A: HTTP in, Kafka out."`
	Consumer    consumerCommand    `cmd:"" help:"Run service B: Kafka in, handlers out."`
	Broker      brokerCommand      `cmd:"" help:"Run the embedded broker alone."`
	Topic       topicCommand       `cmd:"" help:"Create and list topics."`
	Group       groupCommand       `cmd:"" help:"Show and move the offsets of consumer groups."`
	DLQ         dlqCommand         `cmd:"" name:"dlq" help:"List and redrive dead letters."`
	Keys        keysCommand        `cmd:"" help:"Make API keys."`
	Settings    settingsCommand    `cmd:"" name:"config" help:"Check, print and document the settings."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit with 0 when a service is ready for traffic."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(config.UntilSignal(), os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// streams are what a command writes to.
type streams struct{ out, err io.Writer }

// run is the whole program, for a test to call. It returns the exit code: 0
// for success, 1 for a failure, 2 for a command line or settings that are
// wrong.
func run(ctx context.Context, args []string, std streams) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	line := config.CommandLine{
		Name:        "sluice",
		Description: "Events from HTTP into Kafka, and out of Kafka to whoever waits for them.",
		Out:         std.out,
		Err:         std.err,
	}
	return line.Run(ctx, newCLI(), args, std)
}

// settingsError marks what is wrong with the settings, not with the work.
type settingsError struct{ error }

func (e settingsError) Unwrap() error { return e.error }

// ExitCode is that of the program.
func (settingsError) ExitCode() int { return config.ExitSettings }
