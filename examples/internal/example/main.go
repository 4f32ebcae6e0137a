package example

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"sluice"
)

// Main is the main function of an example, and does not return. make puts the
// system together, for the prefix of its topics and groups; it is called once,
// after flags, which adds the example's own flags and may be nil, and after the
// command line was read.
//
// Without a command, everything runs in one process: an embedded broker, unless
// KAFKA_BROKERS or -brokers names a Kafka, service A, and service B with the
// handlers and the page. It drives and checks, tells the verdict every five
// seconds and at the end, and writes the last one as JSON to standard output.
// The process ends with 0 when the checker has found nothing wrong, and else with
// 1; with -for, the checker must have accounted for all of the input, too.
//
// The command replica runs service B alone, with the same handlers and the same
// page: one that can be killed. It needs the same flags of the example's own. It
// writes a line to standard output when it is ready.
//
// A wrong command line ends with 2.
func Main(flags func(*flag.FlagSet), make func(prefix string) System) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal kills.
	os.Exit(run(ctx, os.Args[1:], flags, make, os.Stdin, os.Stdout, os.Stderr))
}

// run is Main without the process around it.
func run(ctx context.Context, args []string, flags func(*flag.FlagSet), build func(string) System, in io.Reader, out, talk io.Writer) int {
	name := programName()
	o, err := parse(name, args, flags, talk)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	p := &process{
		options: o, system: build(o.prefix), out: out, talk: talk,
		log: slog.New(slog.NewTextHandler(talk, &slog.HandlerOptions{Level: o.level})),
	}
	if o.child {
		p.begin = beChild(in)
	}
	do := p.whole
	if o.replica {
		do = p.replica
	}
	good, err := do(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(talk, "%s: %v\n", name, err)
	}
	if err != nil || !good {
		return 1
	}
	return 0
}

// process is one run of the program.
type process struct {
	options
	system    System
	out, talk io.Writer
	log       *slog.Logger
	begin     <-chan struct{} // nil where nobody is waited for
}

// say tells the reader of the terminal something. That it cannot be told is no
// reason to stop.
func (p *process) say(format string, args ...any) { _, _ = fmt.Fprintf(p.talk, format, args...) }

// config are the settings that both commands have.
func (p *process) config() sluice.Config {
	cfg := sluice.DefaultConfig()
	if p.brokers != "" {
		cfg.Kafka.Brokers = splitList(p.brokers)
	}
	if p.auth != "" {
		cfg.Auth.Word = "none"
	}
	return cfg
}

// program makes a program that runs the handlers, or does without.
func (p *process) program(cfg sluice.Config, opts sluice.Options, handlers []sluice.Handler) *sluice.Program {
	opts.Topics, opts.Log, opts.Stdout = p.system.topics(p.prefix), p.log, p.talk
	if len(handlers) > 0 && p.system.Configure != nil {
		p.system.Configure(&cfg)
	}
	program := sluice.New(cfg, opts)
	if len(handlers) == 0 {
		handlers = []sluice.Handler{idle(p.prefix)}
	}
	for _, h := range handlers {
		if h.Config.SessionTimeout == 0 {
			h.Config.SessionTimeout = sessionTimeout
		}
		program.Handle(h.Config, h.Handler)
	}
	if p.system.Page != nil {
		program.Page("/"+p.system.Name+"/", p.system.Page)
	}
	return program
}

// beChild returns a channel that is closed with the first line of in. When in
// ends the process does, so that it does not outlive who has started it.
func beChild(in io.Reader) <-chan struct{} {
	begin := make(chan struct{})
	go func() { // Ends with the process.
		for b, begun := []byte{0}, false; ; {
			if _, err := in.Read(b); err != nil {
				os.Exit(1)
			}
			if b[0] == '\n' && !begun {
				begun = true
				close(begin)
			}
		}
	}()
	return begin
}
