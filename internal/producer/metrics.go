package producer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// metrics count what ends with the client; what is refused before is counted
// by reason.
type metrics struct {
	written, unknown, failed prometheus.Counter
	bytes                    prometheus.Counter
	refused                  *prometheus.CounterVec
	seconds                  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, b *budget) *metrics {
	records := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_producer_records_total",
		Help: "Records that ended with the Kafka client, by what is known of them: written yes, no or unknown.",
	}, []string{"written"})
	m := &metrics{
		written: records.WithLabelValues(string(Written)),
		failed:  records.WithLabelValues(string(NotWritten)),
		unknown: records.WithLabelValues(string(Unknown)),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_producer_record_bytes_total",
			Help: "Bytes of keys and values of the records that Kafka acknowledged.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_producer_refused_total",
			Help: "Records that were not reported as written, by reason.",
		}, []string{"reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sluice_producer_acknowledge_seconds",
			Help:    "Time from a record's admission to the end of waiting for Kafka.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
	}
	reg.MustRegister(records, m.bytes, m.refused, m.seconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_producer_in_flight_bytes",
			Help: "Bytes of the in-flight budget in use.",
		}, func() float64 { return float64(b.bytes.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_producer_in_flight_requests",
			Help: "Requests and records of the in-flight budget in use.",
		}, func() float64 { return float64(b.count.Load()) }),
	)
	return m
}

// ended counts a record that the client has ended.
func (m *metrics) ended(r *kgo.Record, failure *Error) {
	switch {
	case failure == nil:
		m.written.Inc()
		m.bytes.Add(float64(len(r.Key) + len(r.Value)))
	case failure.Outcome == NotWritten:
		m.failed.Inc()
	default:
		m.unknown.Inc()
	}
}

// answered counts what the request was told.
func (m *metrics) answered(err *Error, since time.Time) {
	m.seconds.Observe(time.Since(since).Seconds())
	if err != nil {
		m.refused.WithLabelValues(err.Reason.String()).Inc()
	}
}

// String is the reason as a metric's label.
func (r Reason) String() string {
	return [...]string{
		NotStarted: "not_started", Draining: "draining", Busy: "busy", Away: "away", Invalid: "invalid",
		TooLarge: "too_large", NoTopic: "no_topic", NoPartition: "no_partition", Forbidden: "forbidden",
		Refused: "refused", Late: "late", Failed: "failed",
	}[r]
}
