package example_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
	"sluice/record"
)

// terminal is an output that a test may read and wait for while it is written.
type terminal struct {
	mu      sync.Mutex
	text    bytes.Buffer
	awaited string
	came    chan struct{} // closed when what is awaited is there
}

func (o *terminal) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	if o.came != nil && strings.Contains(o.text.String(), o.awaited) {
		close(o.came)
		o.came = nil
	}
	return n, err
}

// await returns a channel that is closed when the text is written. It is called
// once, before that.
func (o *terminal) await(text string) <-chan struct{} {
	came := make(chan struct{})
	o.awaited, o.came = text, came
	return came
}

func (o *terminal) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// freePorts are the flags for listeners that are in nobody's way, and for a
// broker of one's own, also where KAFKA_BROKERS names one that others use.
func freePorts(more ...string) []string {
	return append([]string{"--brokers=", "--producer-listen=127.0.0.1:0", "--consumer-listen=127.0.0.1:0", "--broker-listen=127.0.0.1:0"}, more...)
}

// still is a system that does nothing: its drive and its verdict are the test's.
func still(drive func(context.Context, *example.Client) error, verdict func() example.Verdict) func(string) example.System {
	return func(prefix string) example.System {
		s := copying(prefix)
		s.Drive, s.Verdict = drive, verdict
		s.Handlers[0].Handler = consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil })
		return s
	}
}

func untilOver(ctx context.Context, _ *example.Client) error {
	<-ctx.Done()
	return ctx.Err()
}

func says(v example.Verdict) func() example.Verdict { return func() example.Verdict { return v } }

func TestHowARunEnds(t *testing.T) {
	good := says(example.Verdict{OK: true, Complete: true, Figures: []example.Figure{{Name: "points", Value: 7}}})
	for name, c := range map[string]struct {
		args    []string
		drive   func(context.Context, *example.Client) error
		verdict func() example.Verdict
		code    int
		out     string
		talk    string
	}{
		"complete": {
			args: []string{"--for=10ms"}, verdict: good, code: 0,
			out: `{"ok":true,"complete":true,"figures":[{"name":"points","value":7}],"offences":[]}` + "\n", talk: "ok, complete   points 7",
		},
		"wrong": {
			args: []string{"--for=10ms"}, verdict: says(example.Verdict{Complete: true, Offences: []string{"k is lost"}}), code: 1,
			out: `{"ok":false,"complete":true,"figures":[],"offences":["k is lost"]}` + "\n", talk: "wrong: k is lost",
		},
		"never complete": {
			args: []string{"--for=10ms", "--patience=1ms"}, verdict: says(example.Verdict{OK: true}), code: 1,
			out: `{"ok":true,"complete":false,"figures":[],"offences":[]}` + "\n", talk: "not all of the input is accounted for 1ms after its end",
		},
		"an error of the input": {
			args: []string{"--for=1h"}, verdict: good, code: 1, talk: "the input or the checker has failed: no road",
			drive: func(context.Context, *example.Client) error { return errors.New("no road") },
		},
		"an input that ends by itself": {
			args: []string{"--for=10ms"}, verdict: good, code: 0,
			drive: func(context.Context, *example.Client) error { return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.drive == nil {
				c.drive = untilOver
			}
			var out, talk terminal
			code := example.Run(t.Context(), freePorts(c.args...), nil, still(c.drive, c.verdict), nil, &out, &talk)
			require.Equal(t, c.code, code, talk.String())
			require.Contains(t, out.String(), c.out)
			require.Contains(t, talk.String(), c.talk)
		})
	}
}

// Who looks at it can end it: it is as good as what the checker has found.
func TestAnInterruptEndsARunWithoutAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		ok   bool
		args []string
		code int
	}{
		"nothing is wrong":       {true, nil, 0},
		"something is":           {false, nil, 1},
		"the input has an end":   {true, []string{"--for=1h"}, 1},
		"before the input began": {true, []string{"--brokers=127.0.0.1:1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			drive := func(ctx context.Context, c *example.Client) error {
				cancel()
				<-c.Input.Done()
				return untilOver(ctx, c)
			}
			talk := &terminal{}
			if c.args != nil && c.args[0] == "--brokers=127.0.0.1:1" { // Nobody is there.
				running := talk.await("is running")
				go func() { // Ends with the run.
					<-running
					cancel()
				}()
			}
			code := example.Run(ctx, freePorts(c.args...), nil, still(drive, says(example.Verdict{OK: c.ok})), nil, io.Discard, talk)
			require.Equal(t, c.code, code, talk.String())
		})
	}
}

func TestThePageAndTheVerdictAreServed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var talk terminal
	var verdict example.Verdict
	drive := func(ctx context.Context, c *example.Client) error {
		defer cancel()
		answer, err := http.Get(c.B + "/copying/")
		if err != nil {
			return err
		}
		page, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if err != nil || !strings.Contains(string(page), "<title>Copies</title>") {
			return errors.New("no page")
		}
		seen := errors.New("seen")
		err = c.Follow(ctx, []string{example.CheckTopic("mine.")}, func(e example.Event) error {
			if e.Key != "verdict" {
				return errors.New("another key")
			}
			if err := json.Unmarshal(e.Value, &verdict); err != nil {
				return err
			}
			return seen
		})
		if errors.Is(err, seen) {
			return nil
		}
		return err
	}
	told := example.Verdict{OK: true, Figures: []example.Figure{{Name: "points", Value: 7}}, Offences: []string{}}
	code := example.Run(ctx, freePorts("--prefix=mine."), nil, still(drive, says(told)), nil, io.Discard, &talk)
	require.Zero(t, code, talk.String())
	require.Equal(t, told, verdict)
	require.Regexp(t, `page +http://127\.0\.0\.1:\d+/copying/\?prefix=mine\.\n`, talk.String())
	require.Regexp(t, `go run ./examples/copying replica --brokers 127\.0\.0\.1:\d+ --prefix mine\.\n`, talk.String())
}

// Settings of the system are for a process that has its handlers.
func TestConfigure(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want int
	}{"with handlers": {nil, 1}, "without": {[]string{"--no-handlers"}, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			build := func(prefix string) example.System {
				s := still(untilOver, says(example.Verdict{OK: true, Complete: true}))(prefix)
				s.Configure = func(*sluice.Config) { asked++ }
				return s
			}
			var talk terminal
			require.Zero(t, example.Run(t.Context(), freePorts(append(c.args, "--for=1ms")...), nil, build, nil, io.Discard, &talk), talk.String())
			require.Equal(t, c.want, asked)
		})
	}
}

// What an earlier run has left is not taken for the input's.
func TestRecordsOfAnEarlierRun(t *testing.T) {
	dir := t.TempDir()
	write := func(ctx context.Context, c *example.Client) error {
		return c.Write(ctx, "example.numbers", example.Line{Key: "a", Value: 0})
	}
	args := freePorts("--data="+dir, "--for=10ms")
	var talk terminal
	again := func() int {
		return example.Run(t.Context(), args, nil, still(write, says(example.Verdict{OK: true, Complete: true})), nil, io.Discard, &talk)
	}
	require.Zero(t, again(), talk.String())
	require.Equal(t, 1, again())
	require.Regexp(t, `the topic example\.(numbers|copies|check) holds records of an earlier run`, talk.String())
}

func TestCommandLines(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	taken := l.Addr().String()
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":                        {[]string{"-help"}, 0, "example replica [flags]"},
		"help of the example's flags": {[]string{"replica", "-help"}, 0, "the number of every key that is lost"},
		"a wrong flag":                {[]string{"--speed=1"}, 2, "flag provided but not defined: -speed"},
		"a wrong command":             {[]string{"serve"}, 2, `example: "serve" is no command and no flag`},
		"a wrong time":                {[]string{"--for=-1s"}, 2, "-for and -patience are not negative"},
		"a wrong word":                {[]string{"--auth=all"}, 2, "-auth is none or nothing"},
		"no prefix":                   {[]string{"--prefix="}, 2, "-prefix is empty"},
		"a wrong level":               {[]string{"--log-level=loud"}, 2, "loud"},
		"a prefix that is no name":    {freePorts("--prefix=a/"), 1, `"a/numbers" is not a topic's name`},
		"a port that is taken":        {freePorts("--consumer-listen=" + taken), 1, "is taken by another program"},
		"a replica's taken port":      {[]string{"replica", "--listen=" + taken}, 1, "is taken by another program"},
		"open to other machines":      {freePorts("--consumer-listen=0.0.0.0:0"), 1, "--auth=none"},
		"said that it may be":         {freePorts("--consumer-listen=0.0.0.0:0", "--auth=none", "--for=1ms"), 0, "is running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KAFKA_BROKERS", "")
			var talk terminal
			code := example.Run(t.Context(), c.args, flags, still(untilOver, says(example.Verdict{OK: true, Complete: true})), nil, io.Discard, &talk)
			require.Equal(t, c.code, code, talk.String())
			require.Contains(t, talk.String(), c.want)
		})
	}
}

// A replica needs nothing but the broker, says when it is ready, and goes when it
// is told to.
func TestAReplica(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var talk, replicaTalk terminal
	drive := func(ctx context.Context, _ *example.Client) error {
		defer cancel()
		brokers := regexp.MustCompile(`--brokers (\S+)`).FindStringSubmatch(talk.String())
		replica, stop := context.WithCancel(ctx)
		defer stop()
		var out terminal
		ready, ended := out.await("ready: http://127.0.0.1:"), make(chan int, 1)
		go func() {
			ended <- example.Run(replica, []string{"replica", "--brokers=" + brokers[1], "--listen=127.0.0.1:0"}, nil, copying, nil, &out, &replicaTalk)
		}()
		select {
		case <-ready:
			stop()
		case code := <-ended:
			return fmt.Errorf("the replica has ended with %d", code)
		}
		if code := <-ended; code != 0 {
			return fmt.Errorf("the replica was told to end and has ended with %d", code)
		}
		return nil
	}
	code := example.Run(ctx, freePorts("--no-handlers"), nil, still(drive, says(example.Verdict{OK: true})), nil, io.Discard, &talk)
	require.Zero(t, code, talk.String(), replicaTalk.String())
}
