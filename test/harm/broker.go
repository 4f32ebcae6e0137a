//go:build unix

package harm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is the one broker that is harmed. It is not a child of ours: commands
// say which process it is, and start it again.
type Broker struct {
	// Address is its host:port.
	Address    string
	pid, start string
	// log takes what the start command writes. A broker that it leaves behind
	// may hold on to its output, so that is no pipe.
	log string
}

// FindBroker finds the broker as the end-to-end tests do, by KAFKA_BROKERS,
// KAFKA_PID and KAFKA_START. Without the last two it is spared. What the start
// command writes goes to a file in dir.
func FindBroker(getenv func(string) string, dir string) (Broker, error) {
	b := brokerOf(getenv, dir)
	var errs []error
	if b.Address == "" {
		errs = append(errs, errors.New("KAFKA_BROKERS is not set: it is the host:port of a Kafka of one broker"))
	}
	if (b.pid == "") != (b.start == "") {
		errs = append(errs, errors.New("KAFKA_PID, a command that prints the number of Kafka's process, and KAFKA_START, one that starts it again with the same data and returns when it answers, are set both or neither"))
	}
	return b, errors.Join(append(errs, b.checkAddress())...)
}

// FindVictim is FindBroker for one that is going to be harmed: all three
// variables have to be set.
func FindVictim(getenv func(string) string, dir string) (Broker, error) {
	b := brokerOf(getenv, dir)
	var errs []error
	for _, v := range []struct{ name, value, what string }{
		{"KAFKA_BROKERS", b.Address, "the host:port of an Apache Kafka of one broker, which is killed and frozen: one that nobody else needs"},
		{"KAFKA_PID", b.pid, "a command that prints the number of its process"},
		{"KAFKA_START", b.start, "a command that starts it again with the same data, and returns when it answers"},
	} {
		if v.value == "" {
			errs = append(errs, fmt.Errorf("%s is not set: it is %s", v.name, v.what))
		}
	}
	return b, errors.Join(append(errs, b.checkAddress())...)
}

func brokerOf(getenv func(string) string, dir string) Broker {
	return Broker{getenv("KAFKA_BROKERS"), getenv("KAFKA_PID"), getenv("KAFKA_START"), filepath.Join(dir, "kafka-start.log")}
}

func (b Broker) checkAddress() error {
	if _, _, err := net.SplitHostPort(b.Address); b.Address != "" && err != nil {
		return fmt.Errorf("KAFKA_BROKERS is one host:port, not %q", b.Address)
	}
	return nil
}

// Spared reports whether the broker must not be harmed, since nobody has said
// which process it is.
func (b Broker) Spared() bool { return b.pid == "" }

// Client returns a client that does not wait for long before it tries again: the
// broker is away on purpose.
func (b Broker) Client(id string) (*kgo.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address), kgo.ClientID(id),
		kgo.RetryBackoffFn(func(int) time.Duration { return 200 * time.Millisecond }))
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS: %w", err)
	}
	return client, nil
}

// PID returns the number of the broker's process, which another start changes.
func (b Broker) PID(ctx context.Context) (int, error) {
	out, err := exec.CommandContext(ctx, "bash", "-c", b.pid).Output()
	if err != nil {
		return 0, fmt.Errorf("KAFKA_PID: %q: %w", b.pid, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("KAFKA_PID: %q has printed %q, which is not the number of a process", b.pid, out)
	}
	return pid, nil
}

func (b Broker) signal(ctx context.Context, s syscall.Signal) error {
	pid, err := b.PID(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("%s to Kafka, process %d: %w", s, pid, err)
	}
	return nil
}

// Kill kills the broker, and returns when nobody listens in its place. It fails
// when somebody still does after ten seconds.
func (b Broker) Kill(ctx context.Context) error {
	if err := b.signal(ctx, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", b.Address)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("kafka was killed, and %s still takes connections: is KAFKA_PID the process of KAFKA_BROKERS?", b.Address)
		case err == nil:
			_ = conn.Close()
		}
		Sleep(ctx, 20*time.Millisecond)
	}
}

// Revive starts the broker that was killed. It fails when the command does, or
// takes two minutes.
func (b Broker) Revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	log, err := os.OpenFile(b.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The command has its own.
	cmd := exec.CommandContext(ctx, "bash", "-c", b.start)
	cmd.Stdout, cmd.Stderr = log, log
	// Not ours to end: Ctrl-C is meant for the checker.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("KAFKA_START: %q: %w; see %s", b.start, err, b.log)
	}
	return nil
}

// KillFor kills the broker and revives it after a while. When ctx ends that is
// sooner: what was taken away comes back, also when a run is broken off.
func (b Broker) KillFor(ctx context.Context, away time.Duration) error {
	after := context.WithoutCancel(ctx)
	if err := b.Kill(after); err != nil {
		return err
	}
	Sleep(ctx, away)
	return b.Revive(after)
}

// FreezeFor has the broker stand still for a while, which is shorter when ctx
// ends.
func (b Broker) FreezeFor(ctx context.Context, frozen time.Duration) error {
	if err := b.signal(ctx, syscall.SIGSTOP); err != nil {
		return err
	}
	Sleep(ctx, frozen)
	return b.signal(context.WithoutCancel(ctx), syscall.SIGCONT)
}
