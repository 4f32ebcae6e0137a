package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lean returns the binary without the race detector, which multiplies what a
// process holds.
var lean = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "sluice-lean")
	if !raceEnabled {
		return binary, nil
	}
	out, err := exec.Command("go", "build", "-o", path, "sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// leanProducer starts service A without the race detector.
func (s *system) leanProducer(args ...string) *process {
	s.t.Helper()
	path, err := lean()
	require.NoError(s.t, err)
	p := startBinary(s.t, path, "", append([]string{"producer", "--brokers", s.brokers, "--producer-listen", s.a, "--producer-topic", s.topic}, args...)...)
	s.ready(s.a)
	return p
}

// peak is the most memory that the process has held, in bytes.
func (p *process) peak() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "VmHWM:" {
			kilobytes, err := strconv.Atoi(fields[1])
			require.NoError(p.t, err)
			return kilobytes << 10
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}

// Two thousand requests of 900,000 bytes at once, while Kafka is silent: what
// is held stays within the budget, every request gets an answer, and the
// service goes on when Kafka does.
func TestLargeBodiesWhileKafkaIsSilent(t *testing.T) {
	s := newSystem(t)
	s.needsFaults()
	a := s.leanProducer("--producer-timeout", "5s")
	require.Equal(t, "yes", newSender(s.a).send("before"))
	s.signalKafka(syscall.SIGSTOP)
	body := bytes.Repeat([]byte("x"), 900_000)
	answers := map[int]*atomic.Int64{503: {}, 504: {}, 200: {}, 0: {}}
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 2000 {
		wg.Go(func() {
			resp, err := client.Post("http://"+s.a+"/topics/"+s.topic, "application/octet-stream", bytes.NewReader(body))
			if err != nil {
				answers[0].Add(1)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if n := answers[resp.StatusCode]; n != nil {
				n.Add(1)
			}
		})
	}
	for range 20 {
		require.Equal(t, http.StatusOK, status(s.a, "/healthz"))
		require.Equal(t, http.StatusOK, status(s.a, "/metrics"))
	}
	wg.Wait()
	t.Logf("503: %d, 504: %d, 200: %d, no answer: %d, peak %d MB", answers[503].Load(), answers[504].Load(), answers[200].Load(), answers[0].Load(), a.peak()>>20)
	s.signalKafka(syscall.SIGCONT)
	require.Zero(t, answers[200].Load())
	// A refused request is read to its end, so that its client sees the answer,
	// but not for longer than seconds, which a busy machine may need.
	require.LessOrEqual(t, answers[0].Load(), int64(20))
	require.EqualValues(t, 2000, answers[503].Load()+answers[504].Load()+answers[0].Load())
	require.Less(t, a.peak(), 512<<20)
	await(t, "the budget is free again", func() bool {
		return strings.Contains(metrics(t, s.a), "sluice_producer_in_flight_bytes 0\n") && newSender(s.a).send("after") == "yes"
	})
}

// Five hundred clients that send a byte now and then cost nobody anything.
func TestClientsThatTrickle(t *testing.T) {
	s := newSystem(t)
	s.producer()
	for i := range 500 {
		conn, err := net.Dial("tcp", s.a)
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		switch i % 4 {
		case 0:
			_, err = io.WriteString(conn, "POST /prod")
		case 1:
			_, err = fmt.Fprintf(conn, "POST /produce HTTP/1.1\r\nHost: %s\r\nContent-Length: 10485760\r\n\r\n{", s.a)
		case 2:
			_, err = fmt.Fprintf(conn, "POST /topics/%s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx", s.topic, s.a)
		case 3:
			_, err = fmt.Fprintf(conn, "POST /topics/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", s.topic, s.a)
		}
		require.NoError(t, err)
	}
	await(t, "they are being read", func() bool {
		return strings.Contains(metrics(t, s.a), "sluice_producer_in_flight_requests 375\n")
	})
	sent := newSender(s.a)
	ctx, stop := context.WithCancel(t.Context())
	wait := sent.load(ctx, 16)
	await(t, "others are served", func() bool { return sent.count("yes") > 1000 })
	stop()
	wait()
	require.Len(t, sent.all, sent.count("yes"), "all were written")
}

// A long upload is bounded in memory, whatever its length, and every line of
// it is written in order. UPLOAD_MB makes it longer.
func TestALongUpload(t *testing.T) {
	s := newSystem(t)
	a := s.leanProducer()
	megabytes := 256
	if text := os.Getenv("UPLOAD_MB"); text != "" {
		var err error
		megabytes, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	line := `{"text":"` + strings.Repeat("x", 988) + "\"}\n"
	require.Len(t, line, 1000)
	block := strings.Repeat(line, 100)
	body, feed := io.Pipe()
	go func() {
		for range megabytes * 10 {
			if _, err := io.WriteString(feed, block); err != nil {
				return
			}
		}
		_ = feed.Close()
	}()
	start := time.Now()
	resp, err := http.Post("http://"+s.a+"/topics/"+s.topic+"?partition=0", "application/x-ndjson", body)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"written":%d,"failed":0,"unknown":0,"complete":true,"errors":[]}`, megabytes*1000), string(text))
	t.Logf("%d MB in %s, peak %d MB", megabytes, time.Since(start).Round(time.Second), a.peak()>>20)
	require.Less(t, a.peak(), 100<<20)
}

// told is a line of an upload's results.
type told struct {
	Line     int
	Offset   *int64
	Written  any   // a word, or a number in the summary
	Complete *bool // in the summary alone
}

// Kafka is killed and frozen in the middle of uploads that answer each line.
// A line that was answered with its place is there, one that was answered "no"
// is not, and the uploads go on, or end with a line that says where.
func TestUploadsWhileKafkaIsKilled(t *testing.T) {
	s := newSystem(t)
	s.needsFaults()
	s.producer("--producer-timeout", "3s")
	b := s.consumer()
	sent := newSender(s.a)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				sent.upload(ctx, s.topic, fmt.Sprintf("%d-%d", caller, round))
			}
		})
	}
	flowing := func() {
		t.Helper()
		before := sent.count("yes")
		await(t, "lines flow", func() bool { return sent.count("yes") > before+2000 })
	}
	flowing()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		s.signalKafka(sig)
		await(t, "A refuses", func() bool { return status(s.a, "/readyz") == http.StatusServiceUnavailable })
		if sig == syscall.SIGKILL {
			s.startKafka()
		} else {
			s.signalKafka(syscall.SIGCONT)
		}
		flowing()
	}
	stop()
	wg.Wait()
	t.Logf("yes %d, no %d, unknown %d", sent.count("yes"), sent.count("no"), sent.count("unknown"))
	sent.check(t, b.received)
}

// upload sends lines until it is told to stop, at most some thousands, and
// notes what was answered of each.
func (s *sender) upload(ctx context.Context, topic, prefix string) {
	const most = 5000
	body, feed := io.Pipe()
	value := func(line int) string { return fmt.Sprintf(`"%s-%d"`, prefix, line) }
	var begun atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for line := 1; line <= most && ctx.Err() == nil; line++ {
			begun.Store(int64(line))
			if _, err := io.WriteString(feed, value(line)+"\n"); err != nil {
				return
			}
		}
		_ = feed.Close()
	})
	all := map[string]string{}
	complete := false
	resp, err := s.client.Post("http://"+s.address+"/topics/"+topic+"?results=each", "application/x-ndjson", body)
	if err == nil {
		complete = resp.StatusCode == http.StatusServiceUnavailable // Refused before a line was read.
		in := bufio.NewScanner(resp.Body)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var line told
			if json.Unmarshal(in.Bytes(), &line) != nil {
				break
			}
			switch {
			case line.Complete != nil:
				complete = true // The summary: nothing behind the last result was taken.
			case line.Offset != nil:
				all[value(line.Line)] = "yes"
			default:
				all[value(line.Line)] = fmt.Sprint(line.Written)
			}
		}
		_ = resp.Body.Close()
	}
	_ = body.CloseWithError(io.ErrClosedPipe)
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := 1; line <= int(begun.Load()); line++ {
		v := value(line)
		switch answer, ok := all[v]; {
		case ok:
			s.all[v] = answer
		case complete:
			s.all[v] = "no"
		default:
			s.all[v] = "unknown"
		}
	}
}
