package consumer

import (
	"github.com/prometheus/client_golang/prometheus"
)

// states counts records by the state they are in. A record that was taken over
// from the Kafka client is in exactly one:
//
//	in = ok + queued + running + retrying + returned
type states struct {
	in       int64
	ok       int64
	queued   int64
	running  int64
	retrying int64
	// returned records were handed back unfinished, at a rebalance, a loss or
	// the end of the program; another member or a later run gets them.
	returned int64
}

func (s *states) add(o states) {
	s.in += o.in
	s.ok += o.ok
	s.queued += o.queued
	s.running += o.running
	s.retrying += o.retrying
	s.returned += o.returned
}

// metrics are a group's events; the states of its records are counted where
// they are and collected by the Group itself, so that one scrape adds up.
type metrics struct {
	errors  *prometheus.CounterVec
	commits *prometheus.CounterVec
	resets  *prometheus.CounterVec
}

func newMetrics(group string) *metrics {
	labels := prometheus.Labels{"group": group}
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	return &metrics{
		errors: counter("sluice_consumer_handler_errors_total",
			"Attempts of the handler that ended with an error or a panic.", "kind", "error", "panic"),
		commits: counter("sluice_consumer_commits_total",
			"Partition offsets that were sent to be committed.", "result", "ok", "error"),
		resets: counter("sluice_consumer_offset_resets_total",
			"Positions that were no longer in the log, by reason.", "reason", reasonExpired, reasonTruncated, reasonRecreated),
	}
}

// stateMetrics describe the states in the order of values.
type stateMetrics struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(states) int64
}

func newStateMetrics(group string) []stateMetrics {
	def := func(name, help string, kind prometheus.ValueType, value func(states) int64) stateMetrics {
		return stateMetrics{prometheus.NewDesc(name, help, nil, prometheus.Labels{"group": group}), kind, value}
	}
	return []stateMetrics{
		def("sluice_consumer_records_in_total", "Records taken over from Kafka; the sum of all states.",
			prometheus.CounterValue, func(s states) int64 { return s.in }),
		def("sluice_consumer_records_ok_total", "Records that the handler has handled.",
			prometheus.CounterValue, func(s states) int64 { return s.ok }),
		def("sluice_consumer_records_returned_total", "Records handed back unfinished at a rebalance, a loss or shutdown.",
			prometheus.CounterValue, func(s states) int64 { return s.returned }),
		def("sluice_consumer_records_queued", "Records that wait for the handler.",
			prometheus.GaugeValue, func(s states) int64 { return s.queued }),
		def("sluice_consumer_records_running", "Records that the handler works on.",
			prometheus.GaugeValue, func(s states) int64 { return s.running }),
		def("sluice_consumer_records_retrying", "Records that failed and wait for their next attempt.",
			prometheus.GaugeValue, func(s states) int64 { return s.retrying }),
	}
}

// collector exports a group.
type collector struct {
	group      *Group
	states     []stateMetrics
	partitions *prometheus.Desc
}

func newCollector(g *Group) *collector {
	return &collector{
		group:  g,
		states: newStateMetrics(g.config.Group),
		partitions: prometheus.NewDesc("sluice_consumer_partitions", "Partitions assigned to this member.",
			nil, prometheus.Labels{"group": g.config.Group}),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range c.states {
		ch <- s.desc
	}
	ch <- c.partitions
	c.group.metrics.errors.Describe(ch)
	c.group.metrics.commits.Describe(ch)
	c.group.metrics.resets.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	sum, partitions := c.group.snapshot()
	for _, s := range c.states {
		ch <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.value(sum)))
	}
	ch <- prometheus.MustNewConstMetric(c.partitions, prometheus.GaugeValue, float64(partitions))
	c.group.metrics.errors.Collect(ch)
	c.group.metrics.commits.Collect(ch)
	c.group.metrics.resets.Collect(ch)
}

// snapshot returns the states of all records of this member and the number of
// its partitions.
func (g *Group) snapshot() (states, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sum := g.retired
	for _, p := range g.partitions {
		p.mu.Lock()
		sum.add(p.states)
		p.mu.Unlock()
	}
	return sum, len(g.partitions)
}
