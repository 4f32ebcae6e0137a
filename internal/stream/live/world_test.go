package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
	"sluice/internal/stream/live"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Kafka in memory, somebody who writes to it, and one service B.
type world struct {
	*testing.T
	kafka *kfake.Cluster
	write *kgo.Client
	admin *kadm.Client

	cfg    stream.Config
	policy live.Policy
	opts   httpserver.Options
	hub    *stream.Hub
	server *httpserver.Server
	client *http.Client
	url    string

	revoke func() // takes back the key of withKey
}

// newWorld starts one, which ends with the test. What is set before may be
// changed by set.
func newWorld(t *testing.T, set ...func(*world)) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	w := &world{
		T: t, kafka: cluster, write: client, admin: kadm.NewClient(client),
		cfg: stream.DefaultConfig(), policy: live.Policy{Patterns: []string{"*"}}, client: &http.Client{Transport: &http.Transport{}},
	}
	for _, f := range set {
		f(w)
	}
	w.start(cluster.ListenAddrs())
	return w
}

// replica starts another service on the same Kafka.
func (w *world) replica() *world {
	w.Helper()
	other := *w
	other.start(w.kafka.ListenAddrs())
	return &other
}

// start starts the service.
func (w *world) start(brokers []string) {
	w.Helper()
	log := slog.New(slog.DiscardHandler)
	metrics := prometheus.NewRegistry()
	control, err := kafka.NewControl(kafka.Config{Brokers: brokers}, log)
	require.NoError(w, err)
	w.hub, err = stream.New(w.cfg, stream.Deps{
		Client: []kgo.Opt{kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(100 * time.Millisecond)}, Log: log, Metrics: metrics,
	})
	require.NoError(w, err)
	w.opts.Title, w.opts.Version, w.opts.Setting = "test", "1", "consumer.listen"
	w.opts.Listen, w.opts.Metrics, w.opts.Log = []string{"127.0.0.1:0"}, metrics, log
	w.server = httpserver.New(w.opts)
	live.NewAPI(w.hub, w.policy, control, filter.NewSet()).Register(w.server)
	require.NoError(w, w.server.Listen(w.Context()))
	w.url = "http://" + w.server.Addrs()[0]
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := w.server.Serve(); err != nil {
			w.Error(err)
		}
	})
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.client.CloseIdleConnections()
		var ending sync.WaitGroup
		ending.Go(func() { _ = w.server.Shutdown(ctx) }) // A test may have done so.
		ending.Go(func() {
			if err := w.hub.Drain(ctx); err != nil {
				w.Error(err)
			}
		})
		ending.Wait()
		serving.Wait()
		w.hub.Close()
		control.Close()
	})
}

func (w *world) topic(name string, partitions int32) {
	w.Helper()
	resp, err := w.admin.CreateTopics(w.Context(), partitions, 1, nil, name)
	require.NoError(w, errors.Join(err, resp.Error()))
}

// produce writes n records to each partition, whose values are their numbers.
func (w *world) produce(topic string, partitions int32, n int) {
	w.Helper()
	var records []*kgo.Record
	for i := range n {
		for p := range partitions {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Key: fmt.Appendf(nil, "k%d", i%10), Value: fmt.Appendf(nil, `{"n":%d}`, i)})
		}
	}
	w.send(records...)
}

func (w *world) send(records ...*kgo.Record) {
	w.Helper()
	require.NoError(w, w.write.ProduceSync(w.Context(), records...).FirstErr())
}

// answer is what is looked at of a response.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// get asks for a path, with headers as "Name: value".
func (w *world) get(path string, headers ...string) answer {
	w.Helper()
	return w.do(w.request(http.MethodGet, path, headers...))
}

func (w *world) request(method, path string, headers ...string) *http.Request {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, nil)
	require.NoError(w, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func (w *world) do(r *http.Request) answer {
	w.Helper()
	resp, err := w.client.Do(r)
	require.NoError(w, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// problem reads an answer that is one.
func (w *world) problem(a answer) httpserver.Problem {
	w.Helper()
	var p httpserver.Problem
	require.Equal(w, "application/problem+json", a.Header.Get("Content-Type"), a.Body)
	require.NoError(w, json.Unmarshal([]byte(a.Body), &p))
	require.Equal(w, a.Status, p.Status)
	return p
}

// places are where a problem says that something is wrong.
func places(p httpserver.Problem) (all []string) {
	for _, e := range p.Errors {
		all = append(all, e.Location)
	}
	return all
}

// withKey has the service know one principal, who may read the topics, and
// returns its key.
func withKey(t *testing.T, key *string, topics ...string) func(*world) {
	t.Helper()
	return func(w *world) {
		text, line, err := access.NewKey("reader", time.Now())
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
		w.opts.Auth, err = access.New(access.Config{KeysFile: path, Principals: access.Grants{{Name: "reader", Topics: topics, Rights: []string{"read"}}}}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		w.opts.Tickets, err = access.NewTickets("", w.opts.Auth, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		*key = text
		w.revoke = func() { require.NoError(t, os.WriteFile(path, []byte("# none\n"), 0o600)) }
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = w.opts.Auth.Run(ctx) })
		t.Cleanup(func() { cancel(); running.Wait() })
	}
}

// ticketFor makes a ticket of the key.
func (w *world) ticketFor(key string, q access.TicketRequest) string {
	w.Helper()
	i, err := w.opts.Auth.Identify(w.request(http.MethodGet, "/", "Authorization: Bearer "+key), nil)
	require.NoError(w, err)
	text, _, err := w.opts.Tickets.Issue(i, q)
	require.NoError(w, err)
	return text
}
