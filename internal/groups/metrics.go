package groups

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	perPartition = []string{"group", "topic", "partition"}

	lagRecords = prometheus.NewDesc("sluice_group_lag_records",
		"Records of a partition that the whole group has not handled yet.", perPartition, nil)
	lagSeconds = prometheus.NewDesc("sluice_group_lag_seconds",
		"Age of the next record of a partition that the whole group has not handled yet; 0 where there is none.", perPartition, nil)
	stuckPartitions = prometheus.NewDesc("sluice_group_stuck",
		"Whether a partition has records and the group's committed offset has not moved for the handler's stuck_after.", perPartition, nil)
	lookedAt = prometheus.NewDesc("sluice_group_look_timestamp_seconds",
		"When Kafka last answered what it knows of the group, in seconds since 1970. The other metrics of the group are as old, and gone after a minute.",
		[]string{"group"}, nil)
)

// collector exports what a Watch has last seen.
type collector struct{ watch *Watch }

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{lagRecords, lagSeconds, stuckPartitions, lookedAt} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, g := range c.watch.watched {
		g.mu.Lock()
		last, stuck := g.last, g.stuck
		g.mu.Unlock()
		if last == nil {
			continue
		}
		gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
		}
		gauge(lookedAt, float64(last.At.UnixMilli())/1000, last.Name)
		if c.watch.now().Sub(last.At) > watchMemory {
			continue
		}
		for _, p := range last.Partitions {
			labels := []string{last.Name, p.Topic, strconv.Itoa(int(p.Partition))}
			if p.Lag != nil {
				gauge(lagRecords, float64(*p.Lag), labels...)
			}
			if p.LagSeconds != nil {
				gauge(lagSeconds, *p.LagSeconds, labels...)
			}
			value := 0.0
			if stuck[place{p.Topic, p.Partition}] {
				value = 1
			}
			gauge(stuckPartitions, value, labels...)
		}
	}
}
