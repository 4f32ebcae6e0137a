// Command realinput sends real text through both services, one message a line,
// and compares what came out of B with what went into A, as multisets. The
// text is the source of the Go installation, which everybody who builds Sluice
// has, or the files that are named.
//
//	go run ./test/realinput [-brokers host:port] [-lines 200000] [file ...]
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"sluice/record"
)

func main() {
	brokers := flag.String("brokers", os.Getenv("KAFKA_BROKERS"), "an existing Kafka; the embedded broker when empty")
	lines := flag.Int("lines", 200_000, "how many lines to send")
	binary := flag.String("binary", "bin/sluice", "the program to test")
	callers := flag.Int("callers", 64, "requests at a time")
	flag.Parse()
	if err := run(*brokers, *binary, *lines, *callers, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "realinput:", err)
		os.Exit(1)
	}
}

func run(brokers, binary string, count, callers int, files []string) error {
	text, err := read(files, count)
	if err != nil {
		return err
	}
	s, err := launch(binary, brokers)
	if err != nil {
		return err
	}
	defer s.stop()

	begin := time.Now()
	if err := s.sendAll(text, callers); err != nil {
		return err
	}
	sent := time.Since(begin)
	received, err := s.receive(len(text))
	if err != nil {
		return err
	}
	all := time.Since(begin)

	lost, repeated, changed := compare(text, received)
	fmt.Printf("messages %d, sent in %.1f s (%.0f/s), all out after %.1f s\nlost %d, repeated %d, never sent %d\n",
		len(text), sent.Seconds(), float64(len(text))/sent.Seconds(), all.Seconds(), lost, repeated, changed)
	if lost+repeated+changed > 0 {
		return errors.New("what came out is not what went in")
	}
	return nil
}

// read takes lines of text from the files until there are enough. Lines that
// are not UTF-8 cannot be written in JSON and are left out, and said.
func read(files []string, count int) ([]string, error) {
	if len(files) == 0 {
		err := filepath.WalkDir(filepath.Join(runtime.GOROOT(), "src"), func(path string, d fs.DirEntry, err error) error { //nolint:staticcheck // SA1019: the tool runs where it was built.
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var lines []string
	left := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if !utf8.Valid(line) {
				left++
				continue
			}
			lines = append(lines, string(line))
			if len(lines) == count {
				fmt.Printf("%d lines of %d files, %d left out because they are not UTF-8\n", count, len(files), left)
				return lines, nil
			}
		}
	}
	return nil, fmt.Errorf("there are only %d lines", len(lines))
}

// system is a running pair of services.
type system struct {
	cmd *exec.Cmd
	a   string
	dir string
	out string
}

func launch(binary, brokers string) (*system, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice-realinput-")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("realinput-%d", time.Now().UnixNano())
	args := []string{
		"dev", "--producer-listen", ports[0], "--consumer-listen", ports[1], "--producer-topic", name,
		"--consumer-handlers", fmt.Sprintf("[{name: log, topics: [%s], group: %s, log: {}}]", name, name),
	}
	if brokers == "" {
		args = append(args, "--broker-listen", ports[2])
	} else {
		args = append(args, "--brokers", brokers)
	}
	s := &system{cmd: exec.Command(binary, args...), a: ports[0], dir: dir, out: filepath.Join(dir, "out")}
	out, err := os.Create(s.out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // The process has its own.
	s.cmd.Dir, s.cmd.Stdout = dir, out
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for _, address := range ports[:2] {
		if err := ready(address); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

func ready(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return poll(ctx, func() bool {
		resp, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func poll(ctx context.Context, ok func() bool) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

func (s *system) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// sendAll sends every line once; an answer that is not 200 ends the run.
func (s *system) sendAll(lines []string, callers int) error {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	work := make(chan string)
	failed := make(chan error, callers)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for line := range work {
				if err := s.send(&client, line); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for _, line := range lines {
		select {
		case work <- line:
			continue
		case err = <-failed:
		}
		break
	}
	close(work)
	wg.Wait()
	select {
	case err = <-failed:
	default:
	}
	return err
}

func (s *system) send(client *http.Client, line string) error {
	body, err := json.Marshal(map[string]string{"content": line})
	if err != nil {
		return err
	}
	resp, err := client.Post("http://"+s.a+"/produce", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // Read to its end below.
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return err
}

// receive reads what B has written, until as many lines as were sent are
// there, and then until no more came for a second.
func (s *system) receive(count int) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var lines []string
	before := -1
	err := poll(ctx, func() bool {
		info, err := os.Stat(s.out)
		if err != nil || int(info.Size()) != before {
			before = int(info.Size())
			return false
		}
		lines, err = readOut(s.out)
		return err == nil && len(lines) >= count
	})
	return lines, err
}

func readOut(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // Only read from.
	var lines []string
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "Message received: ")
		if !ok {
			return nil, fmt.Errorf("not a line of the log handler: %q", line)
		}
		value, err := record.ParseText([]byte(text))
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(value))
	}
}

// compare counts the lines that came out too rarely, too often, or were never
// sent at all.
func compare(sent, received []string) (lost, repeated, foreign int) {
	left := map[string]int{}
	for _, line := range sent {
		left[line]++
	}
	for _, line := range received {
		if _, ok := left[line]; !ok {
			foreign++
			continue
		}
		left[line]--
	}
	for _, n := range left {
		lost += max(n, 0)
		repeated += max(-n, 0)
	}
	return lost, repeated, foreign
}

func freePorts(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // Free from here on.
		addrs[i] = l.Addr().String()
	}
	return addrs, nil
}
