package config

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// The exit codes of a program beside 0, which is success.
const (
	// ExitFailure is for work that failed.
	ExitFailure = 1
	// ExitSettings is for a command line or settings that are wrong: the same
	// program, started in the same way, would fail again.
	ExitSettings = 2
)

// InvalidError marks an error as one of the settings, so that the program ends with
// ExitSettings.
type InvalidError struct{ Err error }

// Error is the text of the error that is marked.
func (i InvalidError) Error() string { return i.Err.Error() }

// Unwrap returns the error that is marked.
func (i InvalidError) Unwrap() error { return i.Err }

// ExitCode is ExitSettings. CommandLine.Run asks any error for it.
func (InvalidError) ExitCode() int { return ExitSettings }

// FileFlag is the flag that names the settings file. It belongs to the grammar
// of each program that has settings.
type FileFlag struct {
	Config string `env:"SLUICE_CONFIG" placeholder:"FILE" help:"Settings file; sluice.yaml in the working directory where it exists."`
}

// CommandLine is how a program takes its settings: from flags, else from the
// environment, else from the settings file, else from what its grammar holds.
type CommandLine struct {
	Name, Description string
	// Version is what a flag of the type kong.VersionFlag prints.
	Version string
	// Out is where help and results go, Err where errors do.
	Out, Err io.Writer
}

// Run reads the arguments into grammar, a pointer to a struct as kong takes it,
// and calls the Run method of the command that they choose. Such a method may
// have parameters of the types of bindings, a context.Context (which is ctx)
// and a *kong.Context. Run returns the exit code; it has then written why.
func (c CommandLine) Run(ctx context.Context, grammar any, args []string, bindings ...any) int {
	exit := -1
	parser, err := kong.New(grammar,
		kong.Name(c.Name),
		kong.Description(c.Description),
		kong.Vars{"version": c.Version},
		kong.DefaultEnvars(EnvPrefix),
		kong.UsageOnError(),
		kong.Writers(c.Out, c.Err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(bindings...),
		kong.WithBeforeResolve(resolveFile),
	)
	if err != nil {
		return c.fail(err, ExitSettings)
	}
	ShowDefaults(parser.Model)
	kctx, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help, --version
	}
	if err != nil {
		return c.fail(err, ExitSettings)
	}
	err = kctx.Run()
	if err == nil {
		return 0
	}
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return c.fail(err, coded.ExitCode())
	}
	return c.fail(err, ExitFailure)
}

// resolveFile has the command line fall back on the settings file that was
// asked for by flag or environment, or on the one in the working directory.
func resolveFile(kctx *kong.Context) error {
	name := ""
	for _, flag := range kctx.Flags() {
		if flag.Name == "config" {
			name, _ = kctx.FlagValue(flag).(string)
		}
	}
	file, err := ReadFile(name)
	if err == nil {
		kctx.AddResolver(file)
	}
	return err
}

func (c CommandLine) fail(err error, code int) int {
	_, _ = fmt.Fprintf(c.Err, "%s: %v\n", c.Name, err) // Nowhere else to say it.
	return code
}
