package kafka

import (
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/telemetry"
)

// Metrics are what a service shows of its connections to the cluster. It is a
// hook (kgo.WithHooks) of any number of clients, whose numbers are added up:
// the ids of brokers are no labels, because what an alert asks is whether the
// cluster can be used, and a broker's own metrics say which one is ill.
type Metrics struct {
	reg      prometheus.Registerer
	service  string
	connects prometheus.Counter
	refused  prometheus.Counter
	lost     prometheus.Counter
	failed   prometheus.Counter
	throttle prometheus.Counter
	read     prometheus.Counter
	written  prometheus.Counter

	produce, fetch, other prometheus.Observer
}

// NewMetrics makes the metrics of a service. Those of several services may
// share a registry.
func NewMetrics(reg prometheus.Registerer, service string) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return telemetry.Register(reg, prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: name, Help: help}, []string{"service"})).WithLabelValues(service)
	}
	seconds := telemetry.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_kafka_request_seconds",
		Help:    "Time from the writing of a request to the end of its answer; a fetch waits for records.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
	}, []string{"service", "request"}))
	return &Metrics{
		reg: reg, service: service,
		connects: counter("sluice_kafka_connects_total", "Connections that were made to brokers."),
		refused:  counter("sluice_kafka_connect_errors_total", "Connections to brokers that could not be made, authentication included."),
		lost:     counter("sluice_kafka_disconnects_total", "Connections to brokers that ended, for whatever reason."),
		failed:   counter("sluice_kafka_request_errors_total", "Requests whose connection failed before their answer was read."),
		throttle: counter("sluice_kafka_throttle_seconds_total", "Time for which brokers told us to wait because of a quota."),
		read:     counter("sluice_kafka_read_bytes_total", "Bytes of answers that were read from brokers."),
		written:  counter("sluice_kafka_written_bytes_total", "Bytes of requests that were written to brokers."),
		produce:  seconds.WithLabelValues(service, "produce"),
		fetch:    seconds.WithLabelValues(service, "fetch"),
		other:    seconds.WithLabelValues(service, "other"),
	}
}

// Up exports whether the cluster answers: away is a Link's Away, or whatever
// else returns nil while it does. It is called once, and before it there is no
// such metric.
func (m *Metrics) Up(away func() error) {
	telemetry.Register(m.reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "sluice_kafka_up",
		Help:        "1 while the cluster answers, else 0.",
		ConstLabels: prometheus.Labels{"service": m.service},
	}, func() float64 {
		if away() != nil {
			return 0
		}
		return 1
	}))
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (m *Metrics) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		m.refused.Inc()
		return
	}
	m.connects.Inc()
}

// OnBrokerDisconnect implements kgo.HookBrokerDisconnect.
func (m *Metrics) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { m.lost.Inc() }

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (m *Metrics) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	m.written.Add(float64(e2e.BytesWritten))
	m.read.Add(float64(e2e.BytesRead))
	if e2e.Err() != nil {
		m.failed.Inc()
		return
	}
	seconds := m.other
	switch kmsg.Key(key) {
	case kmsg.Produce:
		seconds = m.produce
	case kmsg.Fetch:
		seconds = m.fetch
	default:
	}
	seconds.Observe(e2e.DurationE2E().Seconds())
}

// OnBrokerThrottle implements kgo.HookBrokerThrottle.
func (m *Metrics) OnBrokerThrottle(_ kgo.BrokerMetadata, pause time.Duration, _ bool) {
	m.throttle.Add(pause.Seconds())
}
