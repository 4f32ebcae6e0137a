package main

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"sluice/record"
)

// tracker is the state of a partition: the tracks of its vehicles. It has no
// lock, since it is given one record at a time, and nothing is taken back, since
// what it remembers and what it returns are committed together.
type tracker struct {
	city   *city
	topics topics
	tracks map[string]track
}

func newTracker(c *city, t topics) *tracker {
	return &tracker{city: c, topics: t, tracks: map[string]track{}}
}

// Restore takes in a track that the table has.
func (k *tracker) Restore(r *record.Record) error {
	if r.Value == nil {
		delete(k.tracks, string(r.Key))
		return nil
	}
	var t track
	if err := json.Unmarshal(r.Value, &t); err != nil {
		return fmt.Errorf("the record at offset %d of the table is not a track: %w", r.Offset, err)
	}
	if t.ID != string(r.Key) {
		return fmt.Errorf("the record at offset %d of the table has the key of another vehicle", r.Offset)
	}
	k.tracks[t.ID] = t
	return nil
}

// Handle takes a point: it returns the new track, for the table, and the alerts.
func (k *tracker) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	p, err := parsePoint(string(r.Key), r.Value, r.Timestamp)
	if err != nil {
		return nil, err
	}
	next, told := k.tracks[p.ID].take(k.city, p, source{r.Partition, r.Offset})
	var made []record.Record
	add := func(topic string, v any) {
		value, _ := json.Marshal(v) // Numbers and texts of ours always marshal.
		made = append(made, record.Record{Topic: topic, Key: r.Key, Value: value})
	}
	add(k.topics.state, next)
	for _, a := range told {
		add(k.topics.alerts, a)
	}
	k.tracks[p.ID] = next
	return made, nil
}
