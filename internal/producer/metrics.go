package producer

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// metrics count what ends with the client, by topic; what is refused before is
// counted by reason.
type metrics struct {
	records *prometheus.CounterVec
	bytes   *prometheus.CounterVec
	refused *prometheus.CounterVec
	seconds prometheus.Histogram
}

// topicMetrics are the ones of a topic that Kafka has, or had: a name that
// only a request has made up never becomes a label.
type topicMetrics struct{ written, unknown, failed, bytes prometheus.Counter }

func newMetrics(reg prometheus.Registerer, b *budget) *metrics {
	m := &metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_producer_records_total",
			Help: "Records that ended with the Kafka client, by topic and what is known of them: written yes, no or unknown.",
		}, []string{"topic", "written"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_producer_record_bytes_total",
			Help: "Bytes of keys and values of the records that Kafka acknowledged, by topic.",
		}, []string{"topic"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_producer_refused_total",
			Help: "Records and requests that were not reported as written, by reason.",
		}, []string{"reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sluice_producer_acknowledge_seconds",
			Help:    "Time from the hand-over of a batch of records to the writer until the end of waiting for Kafka.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
	}
	reg.MustRegister(m.records, m.bytes, m.refused, m.seconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_producer_in_flight_bytes",
			Help: "Bytes of the in-flight budget in use.",
		}, func() float64 { return float64(b.bytes.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_producer_in_flight_limit_bytes",
			Help: "Bytes of the in-flight budget.",
		}, func() float64 { return float64(b.maxBytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_producer_in_flight_requests",
			Help: "Requests, and pieces of streams, that have not ended.",
		}, func() float64 { return float64(b.count.Load()) }),
	)
	return m
}

func (m *metrics) of(topic string) *topicMetrics {
	return &topicMetrics{
		written: m.records.WithLabelValues(topic, string(Written)),
		failed:  m.records.WithLabelValues(topic, string(NotWritten)),
		unknown: m.records.WithLabelValues(topic, string(Unknown)),
		bytes:   m.bytes.WithLabelValues(topic),
	}
}

// ended counts a record that the client has ended.
func (m *topicMetrics) ended(r *kgo.Record, failure *Error) {
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

// count counts a refusal.
func (m *metrics) count(err *Error) { m.refused.WithLabelValues(err.Reason.String()).Inc() }

// String is the reason as a metric's label.
func (r Reason) String() string {
	return [...]string{
		NotStarted: "not_started", Draining: "draining", Busy: "busy", Limited: "limited", Away: "away", Invalid: "invalid",
		TooLarge: "too_large", NoTopic: "no_topic", NoPartition: "no_partition", Forbidden: "forbidden",
		Refused: "refused", Late: "late", Failed: "failed",
	}[r]
}
