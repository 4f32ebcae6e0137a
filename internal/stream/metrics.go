package stream

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a hub counts.
type metrics struct {
	gaps, byes          *prometheus.CounterVec
	reads, filterErrors prometheus.Counter
	hub                 *Hub
	clients, memory     *prometheus.Desc
	stalled             *prometheus.Desc
	records, bytes      *prometheus.Desc

	sentRecords, sentBytes, told atomic.Uint64
}

func newMetrics(to prometheus.Registerer, h *Hub) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		to.MustRegister(c)
		return c
	}
	by := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		to.MustRegister(c)
		return c
	}
	m := &metrics{
		gaps:         by("sluice_stream_gaps_total", "Gaps that clients of streams were told of.", "reason"),
		byes:         by("sluice_stream_byes_total", "Streams that this service has ended.", "reason"),
		reads:        counter("sluice_stream_catch_up_reads_total", "Reads from Kafka for clients whose position is older than what is kept."),
		filterErrors: counter("sluice_stream_filter_errors_total", "Records that a filter could not judge, and that did not match therefore."),
		hub:          h,
		records:      prometheus.NewDesc("sluice_stream_records_total", "Records sent to clients of streams.", nil, nil),
		bytes:        prometheus.NewDesc("sluice_stream_bytes_total", "Bytes of the records sent to clients of streams.", nil, nil),
		clients:      prometheus.NewDesc("sluice_stream_clients", "Clients of streams now.", nil, nil),
		memory:       prometheus.NewDesc("sluice_stream_ring_bytes", "Memory of the latest records of a watched topic.", []string{"topic"}, nil),
		stalled:      prometheus.NewDesc("sluice_stream_stalled_partitions", "Partitions of a watched topic whose last stable offset stands still behind an open transaction.", []string{"topic"}, nil),
	}
	to.MustRegister(m)
	return m
}

func (m *metrics) sent(records, bytes int) {
	m.sentRecords.Add(uint64(records)) //nolint:gosec // G115: a count.
	m.sentBytes.Add(uint64(bytes))     //nolint:gosec // G115: a count.
}

func (m *metrics) gap(reason string) {
	m.told.Add(1)
	m.gaps.WithLabelValues(reason).Inc()
}

// Describe is part of prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.clients
	ch <- m.memory
	ch <- m.stalled
	ch <- m.records
	ch <- m.bytes
}

// Collect is part of prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.hub.Stats()
	ch <- prometheus.MustNewConstMetric(m.records, prometheus.CounterValue, float64(s.Records))
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(s.Bytes))
	ch <- prometheus.MustNewConstMetric(m.clients, prometheus.GaugeValue, float64(s.Clients))
	for _, t := range s.Topics {
		ch <- prometheus.MustNewConstMetric(m.memory, prometheus.GaugeValue, float64(t.Bytes), t.Topic)
		ch <- prometheus.MustNewConstMetric(m.stalled, prometheus.GaugeValue, float64(t.Stalled), t.Topic)
	}
}
