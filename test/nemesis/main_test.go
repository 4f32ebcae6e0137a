//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test's own binary is what the tests start as other processes.
const actAs = "NEMESIS_TEST_ACTS_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(actAs) {
	case "":
		goleak.VerifyTestMain(m)
	case "nemesis":
		main()
	case "obedient": // A member that does nothing and ends when told to.
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		fmt.Println()
		<-ctx.Done()
	case "failing": // One that ends badly when told to.
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		fmt.Println()
		<-ctx.Done()
		os.Exit(3)
	case "dying": // One that ends by itself.
		os.Exit(4)
	case "broker":
		l, err := net.Listen("tcp", os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for {
			conn, err := l.Accept()
			if err != nil {
				os.Exit(1)
			}
			_ = conn.Close()
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"none", nil, ""},
		{"all", []string{"-faults", "7", "-members", "2", "-static", "2", "-seed", "9", "-max", "5m", "-rate", "10", "-poison", "0", "-trouble", "0", "-md", "x", "-keep"}, ""},
		{"no such flag", []string{"-fault", "7"}, "flag provided but not defined"},
		{"a word", []string{"7"}, `"7" is not a flag`},
		{"fewer faults than none", []string{"-faults", "-1"}, "-faults -1: must be from 0"},
		{"no members", []string{"-members", "0"}, "-members 0: must be from 1"},
		{"more static members than members", []string{"-members", "1", "-static", "2"}, "-static 2: must be from 0 to the 1"},
		{"no time", []string{"-max", "1s"}, "-max 1s: must be a minute at least"},
		{"no records", []string{"-rate", "0"}, "-rate 0: must be above 0"},
		{"not a number", []string{"-rate", "NaN"}, "-rate NaN: must be above 0"},
		{"more poison than records", []string{"-poison", "1.5"}, "-poison 1.5: must be from 0 to 1"},
		{"nothing but trouble", []string{"-trouble", "1"}, "-trouble 1: must be from 0 to less than 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseOptions(c.args, t.Output())
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Whoever starts it without a Kafka that may be harmed is told what is missing.
func TestWhatIsMissingOfKafka(t *testing.T) {
	err := run(t.Context(), options{most: time.Minute}, func(string) string { return "" }, t.Output())
	for _, name := range []string{"KAFKA_BROKERS is not set", "KAFKA_PID is not set", "KAFKA_START is not set"} {
		require.ErrorContains(t, err, name)
	}
	for value, want := range map[string]string{
		"one:1,two:2": "one host:port",
		"nowhere":     "one host:port",
	} {
		_, err := kafkaFrom(func(name string) string {
			if name == "KAFKA_BROKERS" {
				return value
			}
			return "true"
		}, "")
		require.ErrorContains(t, err, want)
	}
	for command, want := range map[string]string{
		"exit 1":    "exit status 1",
		"echo none": "not the number of a process",
		"echo 0":    "not the number of a process",
		"echo -1":   "not the number of a process",
	} {
		_, err := kafka{pid: command}.process(t.Context())
		require.ErrorContains(t, err, want, command)
	}
}
