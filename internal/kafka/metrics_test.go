package kafka_test

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

// The hooks that the client looks for; it would pass over a method with a
// wrong signature in silence.
var (
	_ kgo.HookBrokerConnect    = (*kafka.Metrics)(nil)
	_ kgo.HookBrokerDisconnect = (*kafka.Metrics)(nil)
	_ kgo.HookBrokerE2E        = (*kafka.Metrics)(nil)
	_ kgo.HookBrokerThrottle   = (*kafka.Metrics)(nil)
)

// valueOf returns a service's value of a metric; of a histogram, the number of
// observations with that request label.
func valueOf(t *testing.T, reg *prometheus.Registry, name, service, request string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if family.GetName() == name && labels["service"] == service && labels["request"] == request {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	require.Fail(t, "no such metric", name)
	return 0
}

// newProducer makes a client that is not closed yet.
func newProducer(t *testing.T, brokers []string, hook kgo.Hook) *kgo.Client {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Brokers = brokers
	opts, err := cfg.Options(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	client, err := kgo.NewClient(append(opts, kgo.WithHooks(hook), kgo.RequestRetries(0), kgo.RecordRetries(0))...)
	require.NoError(t, err)
	return client
}

func TestMetricsOfSeveralClients(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "orders"))
	reg := prometheus.NewRegistry()
	metrics := kafka.NewMetrics(reg, "producer")
	for range 2 {
		client := newProducer(t, cluster.ListenAddrs(), metrics)
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr())
		client.Close()
	}
	value := func(name string) float64 { return valueOf(t, reg, "sluice_kafka_"+name, "producer", "") }
	require.Positive(t, value("connects_total"))
	require.Zero(t, value("connect_errors_total"))
	require.Positive(t, value("read_bytes_total"))
	require.Positive(t, value("written_bytes_total"))
	require.Equal(t, 2.0, valueOf(t, reg, "sluice_kafka_request_seconds", "producer", "produce"))
	require.Positive(t, valueOf(t, reg, "sluice_kafka_request_seconds", "producer", "other"))
	require.Zero(t, valueOf(t, reg, "sluice_kafka_request_seconds", "producer", "fetch"))
	require.Eventually(t, func() bool { return value("disconnects_total") == value("connects_total") },
		10*time.Second, time.Millisecond, "a client's connections end behind its Close")
}

func TestMetricsOfAClusterThatIsNotThere(t *testing.T) {
	cluster := newCluster(t)
	addrs := cluster.ListenAddrs()
	cluster.Close()
	reg := prometheus.NewRegistry()
	metrics := kafka.NewMetrics(reg, "producer")
	client := newProducer(t, addrs, metrics)
	defer client.Close()
	require.Error(t, client.Ping(t.Context()))
	require.Positive(t, valueOf(t, reg, "sluice_kafka_connect_errors_total", "producer", ""))
	require.Zero(t, valueOf(t, reg, "sluice_kafka_connects_total", "producer", ""))
}

func TestMetricsOfWhatATestClusterDoesNotDo(t *testing.T) {
	reg := prometheus.NewRegistry()
	producer, consumer := kafka.NewMetrics(reg, "producer"), kafka.NewMetrics(reg, "consumer")
	producer.OnBrokerThrottle(kgo.BrokerMetadata{}, 1500*time.Millisecond, true)
	producer.OnBrokerE2E(kgo.BrokerMetadata{}, 0, kgo.BrokerE2E{BytesWritten: 7, WriteErr: net.ErrClosed})
	require.Equal(t, 1.5, valueOf(t, reg, "sluice_kafka_throttle_seconds_total", "producer", ""))
	require.Equal(t, 1.0, valueOf(t, reg, "sluice_kafka_request_errors_total", "producer", ""))
	require.Equal(t, 7.0, valueOf(t, reg, "sluice_kafka_written_bytes_total", "producer", ""))
	require.Zero(t, valueOf(t, reg, "sluice_kafka_request_seconds", "producer", "produce"))

	// The other service's are its own.
	require.Zero(t, valueOf(t, reg, "sluice_kafka_throttle_seconds_total", "consumer", ""))
	consumer.OnBrokerE2E(kgo.BrokerMetadata{}, 1, kgo.BrokerE2E{})
	require.Equal(t, 1.0, valueOf(t, reg, "sluice_kafka_request_seconds", "consumer", "fetch"))
}

func TestWhetherKafkaIsUp(t *testing.T) {
	reg := prometheus.NewRegistry()
	var away error
	kafka.NewMetrics(reg, "producer").Up(func() error { return away })
	kafka.NewMetrics(reg, "consumer").Up(func() error { return nil })
	require.Equal(t, 1.0, valueOf(t, reg, "sluice_kafka_up", "producer", ""))
	away = errors.New("no answer")
	require.Equal(t, 0.0, valueOf(t, reg, "sluice_kafka_up", "producer", ""))
	require.Equal(t, 1.0, valueOf(t, reg, "sluice_kafka_up", "consumer", ""))
}
