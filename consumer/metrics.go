package consumer

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/deadletter"
)

// metrics are a group's events; the states of its records are counted where
// they are and collected by the Group itself, so that one scrape adds up.
type metrics struct {
	attempts prometheus.Histogram
	errors   *prometheus.CounterVec
	commits  *prometheus.CounterVec
	resets   *prometheus.CounterVec
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
		attempts: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_consumer_attempt_seconds", Help: "How long attempts of the handler took.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10), // to 26 s
		}),
		errors: counter("sluice_consumer_handler_errors_total",
			"Attempts of the handler that have failed, by what that means for the record.", "kind",
			"error", "timeout", "hold", string(deadletter.Panic), string(deadletter.Permanent), string(deadletter.Decode)),
		commits: counter("sluice_consumer_commits_total",
			"Partition offsets that were sent to be committed.", "result", "ok", "error"),
		resets: counter("sluice_consumer_offset_resets_total",
			"Positions that were no longer in the log, by reason.", "reason", reasonExpired, reasonTruncated, reasonRecreated),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.attempts, m.errors, m.commits, m.resets}
}

// collector exports a group: one snapshot of its status for each scrape.
type collector struct {
	group      *Group
	states     []stateMetric
	partitions *prometheus.Desc
	oldest     *prometheus.Desc
	stopped    *prometheus.Desc
	held       *prometheus.Desc
}

type stateMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(States) int64
}

func newCollector(g *Group) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sluice_consumer_"+name, help, labels, prometheus.Labels{"group": g.config.Group})
	}
	state := func(name, help string, kind prometheus.ValueType, value func(States) int64) stateMetric {
		return stateMetric{desc("records_"+name, help, "topic", "partition"), kind, value}
	}
	return &collector{
		group: g,
		states: []stateMetric{
			state("in_total", "Records taken over from Kafka; the sum of all states.",
				prometheus.CounterValue, func(s States) int64 { return s.In }),
			state("ok_total", "Records that the handler has handled.",
				prometheus.CounterValue, func(s States) int64 { return s.OK }),
			state("dead_total", "Records that were written to the dead-letter topic.",
				prometheus.CounterValue, func(s States) int64 { return s.Dead }),
			state("returned_total", "Records handed back unfinished at a rebalance, a loss or shutdown.",
				prometheus.CounterValue, func(s States) int64 { return s.Returned }),
			state("queued", "Records that wait for the handler.",
				prometheus.GaugeValue, func(s States) int64 { return s.Queued }),
			state("running", "Records that the handler works on, and those on their way to the dead-letter topic.",
				prometheus.GaugeValue, func(s States) int64 { return s.Running }),
			state("retrying", "Records that failed and wait for their next attempt.",
				prometheus.GaugeValue, func(s States) int64 { return s.Retrying }),
		},
		partitions: desc("partitions", "Partitions assigned to this member."),
		oldest:     desc("oldest_running_seconds", "Age of the attempt that has run for longest; 0 while none runs."),
		stopped:    desc("stopped_partitions", "Partitions of which nothing more is handled until they are assigned anew."),
		held:       desc("held", "1 while the handler is given no record because it has asked for that."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range c.states {
		ch <- s.desc
	}
	for _, d := range []*prometheus.Desc{c.partitions, c.oldest, c.stopped, c.held} {
		ch <- d
	}
	for _, m := range c.group.metrics.all() {
		m.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	status, counts := c.group.snapshot()
	for tp, states := range counts {
		for _, s := range c.states {
			ch <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.value(states)), tp.topic, strconv.Itoa(int(tp.id)))
		}
	}
	stopped, oldest := 0, time.Time{}
	for _, p := range status.Partitions {
		if p.Stopped != "" {
			stopped++
		}
		if oldest.IsZero() || !p.OldestRunning.IsZero() && p.OldestRunning.Before(oldest) {
			oldest = p.OldestRunning
		}
	}
	age := 0.0
	if !oldest.IsZero() {
		age = time.Since(oldest).Seconds()
	}
	held := 0.0
	if status.Held != "" {
		held = 1
	}
	gauge(c.partitions, float64(len(status.Partitions)))
	gauge(c.oldest, age)
	gauge(c.stopped, float64(stopped))
	gauge(c.held, held)
	for _, m := range c.group.metrics.all() {
		m.Collect(ch)
	}
}
