//go:build unix

package main

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
)

// kafka is the one broker that is harmed. It is not a child of ours: commands
// say which process it is, and start it again.
type kafka struct {
	brokers    string
	pid, start string
	// log takes what the start command writes. A broker that it leaves behind
	// may hold on to its output, so that is no pipe.
	log string
}

// kafkaFrom finds the broker as the end-to-end tests do. Without a command that
// says which process it is, it is not harmed.
func kafkaFrom(getenv func(string) string, dir string) (kafka, error) {
	k := kafka{getenv("KAFKA_BROKERS"), getenv("KAFKA_PID"), getenv("KAFKA_START"), filepath.Join(dir, "kafka-start.log")}
	var errs []error
	if k.brokers == "" {
		errs = append(errs, errors.New("KAFKA_BROKERS is not set: it is the host:port of a Kafka of one broker"))
	}
	if (k.pid == "") != (k.start == "") {
		errs = append(errs, errors.New("KAFKA_PID, a command that prints the number of Kafka's process, and KAFKA_START, one that starts it again with the same data and returns when it answers, are set both or neither"))
	}
	if _, _, err := net.SplitHostPort(k.brokers); k.brokers != "" && err != nil {
		errs = append(errs, fmt.Errorf("KAFKA_BROKERS is one host:port, not %q", k.brokers))
	}
	return k, errors.Join(errs...)
}

// harmless is set where the broker must not be killed.
func (k kafka) harmless() bool { return k.pid == "" }

// process returns the number of the broker's process.
func (k kafka) process(ctx context.Context) (int, error) {
	out, err := exec.CommandContext(ctx, "bash", "-c", k.pid).Output()
	if err != nil {
		return 0, fmt.Errorf("KAFKA_PID: %q: %w", k.pid, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("KAFKA_PID: %q has printed %q, which is not the number of a process", k.pid, out)
	}
	return pid, nil
}

func (k kafka) signal(ctx context.Context, s syscall.Signal) error {
	pid, err := k.process(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("%s to Kafka, process %d: %w", s, pid, err)
	}
	return nil
}

// kill kills the broker, and returns when nobody listens in its place.
func (k kafka) kill(ctx context.Context) error {
	if err := k.signal(ctx, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", k.brokers)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("kafka was killed, and %s still takes connections: is KAFKA_PID the process of KAFKA_BROKERS?", k.brokers)
		case err == nil:
			_ = conn.Close()
		}
		sleep(ctx, 20*time.Millisecond)
	}
}

// revive starts the broker that was killed. It fails when the command does, or
// takes two minutes.
func (k kafka) revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	log, err := os.OpenFile(k.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The command has its own.
	cmd := exec.CommandContext(ctx, "bash", "-c", k.start)
	cmd.Stdout, cmd.Stderr = log, log
	// Not ours to end: Ctrl-C is meant for the checker.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("KAFKA_START: %q: %w; see %s", k.start, err, k.log)
	}
	return nil
}

// sleep waits, and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
