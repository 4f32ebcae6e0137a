package webhook

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

// metrics are those of one webhook.
type metrics struct {
	requests map[outcome]prometheus.Counter
	duration prometheus.Observer
	open     prometheus.Gauge
	gone     prometheus.Gauge
}

// newMetrics registers the metrics with the handler's name as their label.
// Webhooks that share a registry share the metrics, and differ in the label.
func newMetrics(reg prometheus.Registerer, handler string) *metrics {
	handler = strings.ToValidUTF8(handler, "\uFFFD")
	requests := telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_webhook_requests_total",
		Help: "Requests to the endpoint by outcome: the class of the status, timeout, connection, denied (an address that is not allowed), canceled (by us) or unsent.",
	}, []string{"handler", "outcome"}))
	duration := telemetry.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_webhook_request_duration_seconds",
		Help:    "Time from the beginning of a request to the end of its answer.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60},
	}, []string{"handler"}))
	open := telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_webhook_breaker_open",
		Help: "1 while the circuit breaker of the endpoint is open and records are held.",
	}, []string{"handler"}))
	gone := telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_webhook_gone",
		Help: "1 while the endpoint answers 410 Gone and records are held.",
	}, []string{"handler"}))
	m := &metrics{
		requests: map[outcome]prometheus.Counter{},
		duration: duration.WithLabelValues(handler),
		open:     open.WithLabelValues(handler),
		gone:     gone.WithLabelValues(handler),
	}
	for _, o := range outcomes {
		m.requests[o] = requests.WithLabelValues(handler, string(o))
	}
	return m
}

func (m *metrics) observe(a answer, took time.Duration) {
	m.requests[a.outcome].Inc()
	m.duration.Observe(took.Seconds())
}
