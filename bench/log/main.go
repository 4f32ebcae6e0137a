// Command log measures how fast service B's log handler works through a topic,
// with its output in a file, beside a bare franz-go poll loop that writes the
// same lines and commits nothing. Both run as processes of their own, in turn,
// on the same records of one embedded broker (a third process), so that the
// processor time is theirs alone.
//
//	go run ./bench/log [-records 1000000] [-rounds 3] [-md docs/benchmarks.md]
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// size of a record's value.
const size = 100

func main() {
	records := flag.Int("records", 1_000_000, "records in the topic")
	rounds := flag.Int("rounds", 3, "rounds; each runs both, in turn")
	binary := flag.String("binary", "bin/sluice", "the program to measure")
	markdown := flag.String("md", "", "file to write the table to")
	bare := flag.String("bare", "", "run as the bare loop against this broker")
	flag.Parse()
	var err error
	if *bare != "" {
		err = bareLoop(*bare)
	} else {
		err = run(*binary, *records, *rounds, *markdown)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// result is one run over the topic.
type result struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_microseconds_per_record"`
	RSS     int64   `json:"resident_bytes_at_most"`
	Rate    float64 `json:"records_per_second"`
}

func run(binary string, records, rounds int, markdown string) error {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	broker, stop, err := startBroker(binary, dir)
	if err != nil {
		return err
	}
	defer stop()
	if err := fill(broker, records); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var results []result
	for round := range rounds {
		group := fmt.Sprintf("bench-%d", round)
		handlers := fmt.Sprintf("[{name: log, topics: [%s], group: %s, log: {}}]", topic, group)
		commands := []struct {
			name string
			args []string
		}{
			{"bare franz-go loop, commits nothing", []string{self, "-bare", broker}},
			{"sluice consumer, log handler", []string{binary, "consumer", "--brokers", broker, "--consumer-listen", "127.0.0.1:0", "--consumer-handlers", handlers}},
		}
		if round%2 == 1 {
			slices.Reverse(commands)
		}
		for _, c := range commands {
			r, err := measure(c.name, dir, records, c.args)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			fmt.Printf("%-38s %9.0f records/s %6.2f µs of processor time a record %5d MB\n", r.Name, r.Rate, r.CPU, r.RSS>>20)
			results = append(results, r)
		}
	}
	return report(results, records, rounds, markdown)
}

const topic = "bench"

func startBroker(binary, dir string) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	_ = l.Close() // For the broker to take.
	cmd := exec.Command(binary, "broker", "--broker-listen", address, "--broker-data", filepath.Join(dir, "data"), "--broker-retention-bytes", "2GiB")
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	return address, func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}, nil
}

func fill(broker string, records int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	promise := kgo.AbortingFirstErrPromise(client)
	value := bytes.Repeat([]byte("abcdefghij"), size/10)
	for range records {
		client.Produce(ctx, &kgo.Record{Value: value}, promise.Promise())
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return promise.Err()
}

// measure runs a command until it has written a line for every record.
func measure(name, dir string, records int, args []string) (result, error) {
	file := filepath.Join(dir, "out")
	out, err := os.Create(file)
	if err != nil {
		return result{}, err
	}
	defer func() { _ = out.Close() }() // The command has its own.
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout = dir, out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	want := int64(records) * int64(size+len("Message received: \n"))
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := begin.Add(5 * time.Minute); ; <-look.C {
		info, err := out.Stat()
		if err != nil {
			return result{}, err
		}
		if info.Size() == want {
			break
		}
		if info.Size() > want || time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return result{}, fmt.Errorf("wrote %d bytes of %d", info.Size(), want)
		}
	}
	took := time.Since(begin)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return result{
		Name: name, Seconds: took.Seconds(), Rate: float64(records) / took.Seconds(),
		CPU: float64(cpu.Microseconds()) / float64(records), RSS: usage.Maxrss << 10,
	}, nil
}

// bareLoop is the baseline: no group, no order across polls, no commit, no
// escapes, no metrics.
func bareLoop(broker string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	var line []byte
	for {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			return err
		}
		for iter := fetches.RecordIter(); !iter.Done(); {
			line = append(append(append(line[:0], "Message received: "...), iter.Next().Value...), '\n')
			if _, err := os.Stdout.Write(line); err != nil {
				return err
			}
		}
	}
}

func report(results []result, records, rounds int, markdown string) error {
	names := []string{}
	for _, r := range results {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "## Service B, log handler\n\n`make bench` on %s, %d processors (%s), %s. %d records of %d bytes in 4 partitions on the embedded broker, output to a file, start of the process included; median [least–most] of %d rounds.\n\n",
		runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU(), cpuModel(), runtime.Version(), records, size, rounds)
	b.WriteString("| program | records/s | µs of processor time a record | memory at most |\n| --- | --- | --- | --- |\n")
	for _, name := range names {
		var rate, cpu, rss []float64
		for _, r := range results {
			if r.Name == name {
				rate, cpu, rss = append(rate, r.Rate), append(cpu, r.CPU), append(rss, float64(r.RSS>>20))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s MB |\n", name, spread(rate, "%.0f"), spread(cpu, "%.2f"), spread(rss, "%.0f"))
	}
	asJSON, err := json.Marshal(results)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n<details><summary>every run</summary>\n\n```json\n%s\n```\n</details>\n", bytes.ReplaceAll(asJSON, []byte("},{"), []byte("},\n {")))
	fmt.Print("\n" + b.String())
	if markdown == "" {
		return nil
	}
	return os.WriteFile(markdown, []byte("# Benchmarks\n\nWritten by `make bench`; run it to have your machine's figures. Compare rows of one table only.\n\n"+b.String()), 0o644)
}

func spread(v []float64, format string) string {
	slices.Sort(v)
	return fmt.Sprintf(format+" ["+format+"–"+format+"]", v[len(v)/2], v[0], v[len(v)-1])
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }() // Only read from.
	for in := bufio.NewScanner(f); in.Scan(); {
		if name, ok := strings.CutPrefix(in.Text(), "model name"); ok {
			return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), ":"))
		}
	}
	return "unknown"
}
