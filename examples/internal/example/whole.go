package example

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice"
)

// embeddedRetention bounds the memory of an embedded broker that keeps nothing
// on disk, in bytes of a partition.
const embeddedRetention = 16 << 20

// whole runs everything, until ctx ends or the input has ended and is accounted
// for. It reports whether the verdict is good.
func (p *process) whole(ctx context.Context) (bool, error) {
	started, ended := make(chan sluice.Addresses, 1), make(chan error, 1)
	services, stop := context.WithCancel(context.WithoutCancel(ctx))
	program := p.services(func(a sluice.Addresses) { started <- a })
	go func() { ended <- program.Run(services) }()

	good, err := false, error(nil)
	select {
	case a := <-started:
		good, err = p.check(ctx, a, ended)
	case err = <-ended:
		ended <- nil
	case <-ctx.Done():
	}
	stop()
	return good && err == nil, errors.Join(err, <-ended)
}

// services are those of this process.
func (p *process) services(started func(sluice.Addresses)) *sluice.Program {
	cfg := p.config()
	cfg.Producer.Listen, cfg.Consumer.Listen = splitList(p.producerListen), splitList(p.consumerListen)
	cfg.Producer.Topic = p.prefix + "produce" // Service A makes it, for POST /produce: nobody reads it here.
	cfg.Broker.Listen, cfg.Broker.Data = p.brokerListen, p.data
	if p.data == "" {
		cfg.Broker.Retention.Bytes = embeddedRetention
	}
	handlers := p.system.Handlers
	if p.noHandlers {
		handlers = nil
	}
	return p.program(cfg, sluice.Options{Producer: true, Consumer: true, Broker: p.brokers == "", Started: started}, handlers)
}

// check drives and judges, once the services are there. When they end by
// themselves, ended still has how they did.
func (p *process) check(ctx context.Context, a sluice.Addresses, ended chan error) (bool, error) {
	p.banner(a)
	c := &Client{A: "http://" + a.Producer[0], B: "http://" + a.Consumer[0], log: p.log}
	defer c.Close()
	// Whatever ends first ends the rest.
	work, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var running sync.WaitGroup
	defer running.Wait()
	watched := make(chan struct{})
	defer close(watched)
	running.Go(func() {
		select {
		case err := <-ended:
			ended <- err
			fail(errProgramEnded)
		case <-watched:
		}
	})
	if err := p.prepare(work, c); err != nil {
		return ctx.Err() != nil, unlessOver(ctx, err) // Nothing is wrong before the input.
	}
	input, endInput := context.WithCancel(work)
	if p.input > 0 {
		input, endInput = context.WithTimeout(work, p.input)
	}
	defer endInput()
	c.Input = input
	drive, endDrive := context.WithCancel(work)
	running.Go(func() {
		if err := p.system.Drive(drive, c); err != nil && drive.Err() == nil {
			fail(fmt.Errorf("the input or the checker has failed: %w", err))
		}
	})
	v, err := p.judge(work, c)
	endDrive()
	p.tell(v, 0)
	if text, jsonErr := json.Marshal(v); jsonErr == nil { // Numbers and texts always marshal.
		_, _ = fmt.Fprintf(p.out, "%s\n", text)
	}
	return v.OK && (v.Complete || p.input == 0), unlessOver(ctx, err)
}

// unlessOver is nil where what went wrong is that the program was told to end.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// prepare waits until the input may begin.
func (p *process) prepare(ctx context.Context, c *Client) error {
	names := []string{}
	for _, t := range p.system.topics(p.prefix) {
		names = append(names, t.Name)
	}
	if err := c.awaitTopics(ctx, names); err != nil {
		return err
	}
	if err := untilReady(ctx, c.A); err != nil {
		return err
	}
	if p.begin != nil {
		select {
		case <-p.begin:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// judge asks for the verdict every second and publishes it, until the end.
func (p *process) judge(ctx context.Context, c *Client) (Verdict, error) {
	pub := newPublisher(c, CheckTopic(p.prefix))
	defer pub.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var patience <-chan time.Time
	over := c.Input.Done()
	for n, told := 1, 0; ; n++ {
		v := p.verdict()
		pub.put(v)
		if n%5 == 0 || len(v.Offences) > told {
			p.tell(v, told)
			told = len(v.Offences)
		}
		ending := over == nil && p.input > 0
		if ending && (v.Complete || !v.OK) {
			return v, nil
		}
		select {
		case <-tick.C:
		case <-over:
			over = nil
			if p.input > 0 {
				patience = time.After(p.patience)
			}
		case <-patience:
			return p.verdict(), fmt.Errorf("not all of the input is accounted for %s after its end", p.patience)
		case <-ctx.Done():
			return p.verdict(), context.Cause(ctx)
		}
	}
}

// verdict is the system's; its lists are never null in JSON.
func (p *process) verdict() Verdict {
	v := p.system.Verdict()
	if v.Figures == nil {
		v.Figures = []Figure{}
	}
	if v.Offences == nil {
		v.Offences = []string{}
	}
	return v
}

// tell shows a verdict on the terminal, of what is wrong that which was not told
// before.
func (p *process) tell(v Verdict, told int) {
	light := "ok"
	if !v.OK {
		light = "WRONG"
	}
	if v.Complete {
		light += ", complete"
	}
	var figures strings.Builder
	for _, f := range v.Figures {
		fmt.Fprintf(&figures, "   %s %d", f.Name, f.Value)
	}
	p.say("%s  %s%s\n", time.Now().Format(time.TimeOnly), light, &figures)
	for _, offence := range v.Offences[min(told, len(v.Offences)):] {
		p.say("  wrong: %s\n", offence)
	}
}

// banner says what runs where.
func (p *process) banner(a sluice.Addresses) {
	kafka, kind := p.brokers, "an existing one"
	if a.Broker != "" {
		kafka, kind = a.Broker, "embedded, records in memory only"
		if p.data != "" {
			kind = "embedded, records in " + p.data
		}
	}
	query, flags := "", " --brokers "+kafka
	if p.prefix != p.system.Name+"." {
		query, flags = "?prefix="+p.prefix, flags+" --prefix "+p.prefix
	}
	p.say(`
  %[1]s is running. Stop it with Ctrl-C.

    page       http://%[2]s/%[1]s/%[3]s
    dashboard  http://%[2]s/dashboard
    service A  http://%[4]s
    Kafka      %[5]s   (%[6]s)

  A second replica, to be killed, is started by: go run ./examples/%[1]s replica%[7]s

`, p.system.Name, a.Consumer[0], query, a.Producer[0], kafka, kind, flags)
}
