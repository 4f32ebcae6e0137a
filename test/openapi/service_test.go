// Package openapi holds the services against the schemas that they serve: every
// operation is driven, and what goes in and comes out has to be as documented.
package openapi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sluice"
	"sluice/internal/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is service A or B, all of it, on a port of its own.
type service struct {
	t       *testing.T
	address string
	cluster *kfake.Cluster // nil where Kafka is away
}

// start runs service A with settings that a test has changed, until the test
// ends. It is ready unless Kafka is away.
func start(t *testing.T, cluster *kfake.Cluster, change func(*sluice.Config)) *service {
	t.Helper()
	return run(t, cluster, change, sluice.Options{Producer: true})
}

// run runs the services of the options, and returns service B where both run.
func run(t *testing.T, cluster *kfake.Cluster, change func(*sluice.Config), opts sluice.Options) *service {
	t.Helper()
	cfg := sluice.DefaultConfig()
	cfg.Producer.Listen, cfg.Consumer.Listen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Producer.Topic = "events"
	cfg.Producer.Limits.Body = 4 << 10
	cfg.Producer.Limits.Record = 2 << 10
	if cluster != nil {
		cfg.Kafka.Brokers = cluster.ListenAddrs()
	} else {
		cfg.Kafka.Brokers = []string{closedPort(t)}
	}
	if change != nil {
		change(&cfg)
	}
	started := make(chan []string, 1)
	opts.Stdout, opts.Log = io.Discard, slog.New(slog.DiscardHandler)
	opts.Started = func(a sluice.Addresses) { started <- append(a.Consumer, a.Producer...) }
	program := sluice.New(cfg, opts)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	ended := make(chan error, 1)
	wg.Go(func() { ended <- program.Run(ctx) })
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		wg.Wait()
	})
	s := &service{t: t, cluster: cluster}
	var parts []string
	select {
	case parts = <-started:
		s.address = parts[0]
	case err := <-ended:
		require.NoError(t, err, "the service did not start")
	}
	if cluster != nil {
		require.Eventually(t, func() bool {
			return !slices.ContainsFunc(parts, func(address string) bool {
				code, _, _ := (&service{t: t, address: address}).do(http.MethodGet, "/readyz", "", nil)
				return code != http.StatusOK
			})
		}, time.Minute, 5*time.Millisecond)
	}
	return s
}

// newCluster starts a cluster with a topic of four partitions, events.
func newCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "events"), kfake.ClusterID("c1"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// hold makes the cluster keep produce requests unanswered until the test ends,
// or release is called; held is closed when the first one has come.
func (s *service) hold() (held chan struct{}, release func()) {
	held, let := make(chan struct{}), make(chan struct{})
	var once, done sync.Once
	s.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		once.Do(func() { close(held) })
		s.cluster.SleepControl(func() { <-let })
		return nil, nil, false
	})
	release = func() { done.Do(func() { close(let) }) }
	s.t.Cleanup(release)
	return held, release
}

// refuse makes the cluster refuse every batch with an error code.
func (s *service) refuse(code int16) {
	s.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		asked := req.(*kmsg.ProduceRequest)
		answer := asked.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range asked.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic, t.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			answer.Topics = append(answer.Topics, t)
		}
		return answer, nil, true
	})
}

// do makes a request; header Host is the request's.
func (s *service) do(method, path, body string, headers map[string]string) (int, http.Header, string) {
	s.t.Helper()
	return s.exchange(exchange{method: method, path: path, body: body, headers: headers})
}

// exchange makes that of a test. Of a WebSocket it reads the head of the
// answer, and of a stream the first events.
func (s *service) exchange(e exchange) (int, http.Header, string) {
	s.t.Helper()
	if e.cut {
		return s.cutOff(e)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), e.method, "http://"+s.address+e.path, strings.NewReader(e.body))
	require.NoError(s.t, err)
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	if host := e.headers["Host"]; host != "" {
		r.Host = host
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // No redirect is followed.
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return resp.StatusCode, resp.Header, ""
	case e.method == http.MethodGet && resp.Header.Get("Content-Type") == eventStream:
		return resp.StatusCode, resp.Header, firstEvents(s.t, resp.Body, max(e.events, 1))
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// withKeys turns authentication on. It returns the key of the only principal,
// which may write to the topic events, and the change of the settings.
func withKeys(t *testing.T, limits access.Limits) (key string, change func(*sluice.Config)) {
	t.Helper()
	key, line, err := access.NewKey("shop", time.Now())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
	return key, func(cfg *sluice.Config) {
		cfg.Auth.KeysFile = file
		cfg.Auth.Principals = access.Grants{{Name: "shop", Topics: []string{"events"}, Rights: []string{"write"}, Limits: limits}}
	}
}
