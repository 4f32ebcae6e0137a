package stream

import (
	"cmp"
	"slices"
)

// Stats are what a hub does now.
type Stats struct {
	Clients int
	// Records and Bytes are what was sent, and Gaps what clients were told of,
	// since the start.
	Records, Bytes, Gaps uint64
	Topics               []TopicStats
}

// TopicStats are what a hub does now with a topic.
type TopicStats struct {
	Topic      string
	Watchers   int // streams of the topic
	Partitions int
	Batches    int // that are kept
	Bytes      int // memory of the latest records
	Stalled    int // partitions behind an open transaction
}

// Stats returns them, in the order of the topics' names.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{
		Clients: h.clients, Topics: []TopicStats{},
		Records: h.metrics.sentRecords.Load(), Bytes: h.metrics.sentBytes.Load(), Gaps: h.metrics.told.Load(),
	}
	for topic, w := range h.tails {
		t := TopicStats{Topic: topic, Watchers: w.watchers}
		w.ring.stats(&t)
		s.Topics = append(s.Topics, t)
	}
	slices.SortFunc(s.Topics, func(a, b TopicStats) int { return cmp.Compare(a.Topic, b.Topic) })
	return s
}

func (r *ring) stats(t *TopicStats) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t.Partitions, t.Batches, t.Bytes = len(r.next), len(r.batches), r.bytes
	for _, b := range r.bounds {
		if b.stalled {
			t.Stalled++
		}
	}
}
