package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// delivery is one request of a webhook.
type delivery struct {
	id                string
	topic             string
	partition, offset int64
	key, value        string
}

// number is the record's, among those of its key.
func (d delivery) number(t *testing.T) int {
	t.Helper()
	_, text, _ := strings.Cut(d.value, "/")
	n, err := strconv.Atoi(text)
	require.NoError(t, err, d.value)
	return n
}

// endpoint is where a webhook sends to. It keeps what it has taken.
type endpoint struct {
	t *testing.T
	*httptest.Server

	mu     sync.Mutex
	answer answer
	asked  int
	got    []delivery
}

// answer is the status for a request; ctx ends when the client has gone.
type answer func(ctx context.Context, d delivery) int

// always answers every request alike.
func always(status int) answer { return func(context.Context, delivery) int { return status } }

// newEndpoint starts an endpoint. It is made before the processes that send to
// it, so that it outlives them.
func newEndpoint(t *testing.T, first answer) *endpoint {
	t.Helper()
	e := &endpoint{t: t, answer: first}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The sender has gone.
	}
	d := delivery{id: r.Header.Get("Webhook-Id"), topic: r.Header.Get("Kafka-Topic"), value: string(body)}
	d.key, _ = url.PathUnescape(r.Header.Get("Kafka-Key"))
	d.partition, _ = strconv.ParseInt(r.Header.Get("Kafka-Partition"), 10, 32)
	d.offset, _ = strconv.ParseInt(r.Header.Get("Kafka-Offset"), 10, 64)
	e.mu.Lock()
	e.asked++
	answer := e.answer
	e.mu.Unlock()
	status := answer(r.Context(), d)
	if status < 300 {
		e.mu.Lock()
		e.got = append(e.got, d)
		e.mu.Unlock()
	}
	w.WriteHeader(status)
}

// mend changes what it answers from now on.
func (e *endpoint) mend(to answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = to
}

// requests is how many have come.
func (e *endpoint) requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// taken are the deliveries so far that were answered with success.
func (e *endpoint) taken() []delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]delivery(nil), e.got...)
}

// values says how often each value was taken.
func (e *endpoint) values() map[string]int {
	times := map[string]int{}
	for _, d := range e.taken() {
		times[d.value]++
	}
	return times
}

// requireOrder fails where a record of a key was taken before an earlier one.
// Repeats begin anywhere, and leave nothing out either.
func (e *endpoint) requireOrder() {
	e.t.Helper()
	next, last := map[string]int{}, map[string]int{}
	for _, d := range e.taken() {
		n := d.number(e.t)
		require.LessOrEqual(e.t, n, next[d.key], "key %s: taken before an earlier one; the one before was %d", d.key, last[d.key])
		next[d.key], last[d.key] = max(next[d.key], n+1), n
	}
}

// gate lets so many requests through, and holds the others until it is opened.
type gate struct {
	mu     sync.Mutex
	room   int
	opened chan struct{}
}

func newGate(room int) *gate { return &gate{room: room, opened: make(chan struct{})} }

// answer waits for room.
func (g *gate) answer(ctx context.Context, _ delivery) int {
	g.mu.Lock()
	g.room--
	free := g.room >= 0
	g.mu.Unlock()
	if free {
		return http.StatusOK
	}
	select {
	case <-g.opened:
		return http.StatusOK
	case <-ctx.Done():
		return http.StatusServiceUnavailable
	}
}

func (g *gate) open() { close(g.opened) }

// hook is an entry of consumer.handlers with a webhook, of a group of its own.
// settings are those of the entry, in YAML.
func (s *system) hook(name string, e *endpoint, settings string) string {
	return s.hookOf(s.topic, name, e, settings)
}

// hookOf is one of another topic.
func (s *system) hookOf(topic, name string, e *endpoint, settings string) string {
	return fmt.Sprintf(`{name: %s, topics: [%s], group: %s-%s, session_timeout: 6s, %s, webhook: {url: %q, allow_networks: [127.0.0.0/8], timeout: 5m}}`,
		name, topic, s.group, name, settings, e.URL)
}

// serviceB starts service B with handlers, at an address.
func (s *system) serviceB(address string, handlers ...string) *process {
	return s.serviceBWith(address, "", handlers...)
}

// serviceBWith starts service B with more settings.
func (s *system) serviceBWith(address, settings string, handlers ...string) *process {
	s.t.Helper()
	text := fmt.Sprintf("kafka: {brokers: [%q]}\n%s\nconsumer:\n  listen: [%q]\n  handlers:\n", s.brokers, settings, address)
	for _, h := range handlers {
		text += "  - " + h + "\n"
	}
	dir := s.t.TempDir()
	file := filepath.Join(dir, "sluice.yaml")
	require.NoError(s.t, os.WriteFile(file, []byte(text), 0o600))
	p := start(s.t, dir, "consumer", "--config", file)
	s.ready(address)
	return p
}

// terminate stops a process as its supervisor does, and requires that the stop
// is a clean one.
func (p *process) terminate() {
	p.t.Helper()
	p.stop(0)
}

// stop signals a process that was not signalled yet. It has to end by itself, in
// the time that the documentation says, with the code.
func (p *process) stop(code int) {
	p.t.Helper()
	began := time.Now()
	if !strings.Contains(p.stderr.text(), "msg=stopping") { // A second signal would be meant.
		p.signal(syscall.SIGTERM)
	}
	select {
	case <-p.exited:
	case <-time.After(15 * time.Second):
		p.t.Fatal("the process has not ended within 15 s of SIGTERM")
	}
	require.Equal(p.t, code, p.wait(), p.stderr.text())
	p.t.Logf("ended %s after SIGTERM", time.Since(began).Round(100*time.Millisecond))
}

// kill is what the kernel does when memory runs out.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// kafka is a client of the test's own.
func (s *system) kafka(opts ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.brokers), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	return client
}

// makeTopic makes a topic and waits until it can be used.
func (s *system) makeTopic(client *kgo.Client, name string, partitions int32) {
	s.t.Helper()
	admin := kadm.NewClient(client)
	_, err := admin.CreateTopic(s.t.Context(), partitions, 1, nil, name)
	require.NoError(s.t, err)
	await(s.t, "topic "+name, func() bool {
		ends, err := admin.ListEndOffsets(s.t.Context(), name)
		return err == nil && ends.Error() == nil && len(ends[name]) == int(partitions)
	})
}

// fill writes records from..to of each of some keys, k0/0, k1/0, …, k0/1, …,
// and returns their values. A key is in the partition of its number.
func (s *system) fill(client *kgo.Client, topic string, partitions, keys, from, to int) []string {
	s.t.Helper()
	var values []string
	var all []*kgo.Record
	for n := from; n < to; n++ {
		for k := range keys {
			value := fmt.Sprintf("k%d/%d", k, n)
			values = append(values, value)
			all = append(all, &kgo.Record{
				Topic: topic, Partition: int32(k % partitions), Key: fmt.Appendf(nil, "k%d", k), Value: []byte(value),
				Headers: []kgo.RecordHeader{{Key: "source", Value: []byte("e2e")}},
			})
		}
	}
	require.NoError(s.t, client.ProduceSync(s.t.Context(), all...).FirstErr())
	return values
}

// awaitAll waits until an endpoint has taken each of the values.
func (e *endpoint) awaitAll(values []string) {
	e.t.Helper()
	await(e.t, "every record is delivered", func() bool {
		taken := e.values()
		for _, value := range values {
			if taken[value] == 0 {
				return false
			}
		}
		return true
	})
}

// groupStatus is what GET /groups/{group} says, as far as the tests look.
type groupStatus struct {
	State   string
	Lag     *int64
	Members []struct{ ID string }
	Replica struct {
		Members []struct {
			Held       string
			Partitions []struct {
				Partition int64
				Position  int64
				Committed int64
				Stopped   string
				LastError string `json:"last_error"`
			}
		}
	} `json:"this_replica"`
}

// groupAt asks service B at an address about a group. It reports false while
// there is no answer.
func (s *system) groupAt(address, group string) (g groupStatus, ok bool) {
	s.t.Helper()
	code, body := do(s.t, http.MethodGet, address, "/groups/"+group, "")
	if code != http.StatusOK {
		return g, false
	}
	require.NoError(s.t, json.Unmarshal([]byte(body), &g))
	return g, true
}

// awaitLag waits until a group has committed all but so many records.
func (s *system) awaitLag(address, group string, want int64) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("lag %d of %s", want, group), func() bool {
		g, ok := s.groupAt(address, group)
		return ok && g.Lag != nil && *g.Lag == want
	})
}

// command runs sluice to its end.
func (s *system) command(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(s.t.Context(), binary, append(args, "--brokers", s.brokers)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.t.TempDir(), &out, &errs
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 atexit_sleep_ms=0")
	if err := cmd.Run(); cmd.ProcessState == nil {
		require.NoError(s.t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// requireStates holds one scrape of service B against the promise that every
// record is in exactly one state.
func (s *system) requireStates(address string) {
	s.t.Helper()
	in, rest := map[string]float64{}, map[string]float64{}
	for line := range strings.Lines(metrics(s.t, address)) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), " ")
		name, found := strings.CutPrefix(name, "sluice_consumer_records_")
		if !ok || !found {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(s.t, err, line)
		if state, labels, _ := strings.Cut(name, "{"); state == "in_total" {
			in[labels] = value
		} else {
			rest[labels] += value
		}
	}
	require.NotEmpty(s.t, in)
	require.Equal(s.t, in, rest, "records in, and the sum of their states")
}
