//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

const (
	// sessionTimeout is the shortest that Kafka allows.
	sessionTimeout = 6 * time.Second
	concurrency    = 16
	attempts       = 3

	// slowShare is how many attempts take slow instead of up to quick, and
	// deafShare how many do not look at their context meanwhile.
	quick     = 20 * time.Millisecond
	slow      = 2 * time.Second
	slowShare = 0.005
	deafShare = 0.25
)

// memberOptions are what the nemesis tells one of its members.
type memberOptions struct {
	brokers, topic, group string
	// instance is not empty for a static member.
	instance string
	file     string // of the recorder
	seed     uint64
	trouble  float64 // the share of attempts that fail without a reason
}

// handlerConfig are the settings of the handler that is tormented.
func (o memberOptions) handlerConfig() consumer.Config {
	return consumer.Config{
		Name:           "nemesis",
		Topics:         []string{o.topic},
		Group:          o.group,
		Order:          consumer.OrderKey,
		Concurrency:    concurrency,
		Retry:          consumer.Retry{Attempts: attempts, First: 50 * time.Millisecond, Max: 500 * time.Millisecond},
		SessionTimeout: sessionTimeout,
		Instance:       o.instance,
	}
}

// runMember is a member: service B with one handler, as a program of a user's
// has it. It ends cleanly with ctx. Started is called when it is up.
func runMember(ctx context.Context, o memberOptions, logTo io.Writer, started func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	broken := make(chan error, 1)
	fail := func(err error) {
		select {
		case broken <- err:
		default: // The first is enough.
		}
		cancel()
	}
	notes, err := newRecorder(o.file)
	if err != nil {
		return err
	}
	cfg := sluice.DefaultConfig()
	cfg.Kafka.Brokers = []string{o.brokers}
	cfg.Consumer.Listen = []string{"127.0.0.1:0"}
	program := sluice.New(cfg, sluice.Options{
		Consumer: true,
		Log:      slog.New(tap{slog.NewTextHandler(logTo, nil), o.topic, notes, fail}),
		Started:  func(sluice.Addresses) { started() },
	})
	program.Handle(o.handlerConfig(), newVictim(o, notes, fail))
	err = program.Run(ctx)
	select {
	case why := <-broken:
		err = errors.Join(err, why)
	default:
	}
	return errors.Join(err, notes.file.Close())
}

// victim is the handler. It writes down what it does, is slow at times, and
// fails as records tell it to and at random.
type victim struct {
	topic   string
	trouble float64
	notes   *recorder
	fail    func(error) // for what makes the history useless

	mu     sync.Mutex
	random *rand.Rand
}

func newVictim(o memberOptions, notes *recorder, fail func(error)) *victim {
	return &victim{topic: o.topic, trouble: o.trouble, notes: notes, fail: fail, random: rand.New(rand.NewPCG(o.seed, 1))}
}

// Handle implements consumer.Handler.
func (v *victim) Handle(ctx context.Context, r *record.Record) error {
	m := v.read(r)
	call, err := v.notes.begin(place{r.Partition, r.Offset}, m.key, m.seq, ctx.Err() != nil)
	if err != nil {
		v.fail(err)
		return err
	}
	pause, deaf, how := v.mood(m.fate)
	if deaf {
		<-time.After(pause)
	} else {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			how = cut
		}
	}
	// The last thing that it does: what was written down as handled may be
	// committed.
	if err := v.notes.end(call, how); err != nil {
		v.fail(err)
		return err
	}
	switch how {
	case cut:
		return ctx.Err()
	case failed:
		return errors.New("an attempt that fails")
	case permanent:
		return consumer.Permanent(errors.New("a record that fails for good"))
	case panicked:
		panic("a handler that panics")
	case ok, open:
	}
	return nil
}

// read returns what the record says. One that says nothing that makes sense
// gets a key that no record has: the judge knows what was written where.
func (v *victim) read(r *record.Record) message {
	m, err := parseMessage(string(r.Value))
	key := noKey
	if r.Key != nil {
		key = string(r.Key)
	}
	if err != nil || r.Topic != v.topic || m.key != key {
		return message{key: "?", fate: good}
	}
	return m
}

// mood decides what an attempt will be like.
func (v *victim) mood(f fate) (pause time.Duration, deaf bool, how outcome) {
	v.mu.Lock()
	defer v.mu.Unlock()
	pause = time.Duration(v.random.Int64N(int64(quick)))
	if v.random.Float64() < slowShare {
		pause = slow
	}
	deaf = v.random.Float64() < deafShare
	how = ok
	switch {
	case f == poison:
		how = permanent
	case f == stubborn:
		how = failed
	case v.random.Float64() >= v.trouble:
	case v.random.Float64() < 0.1:
		how = panicked
	default:
		how = failed
	}
	return pause, deaf, how
}
