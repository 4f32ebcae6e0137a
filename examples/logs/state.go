package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sluice/consumer"
	"sluice/record"
)

// topics are the names of the example's topics.
type topics struct{ raw, counts, alerts string }

func topicsOf(prefix string) topics {
	return topics{raw: prefix + "raw", counts: prefix + "counts", alerts: prefix + "alerts"}
}

// counter is the consumer.State of a partition of raw. Its table has two kinds
// of keys: SERVICE|1795439481 is a second that is closed and will not change, and
// SERVICE|open0, 1 and 2 take turns with the seconds that are open. Of these the
// one that was written last says what else the service is at.
type counter struct {
	topics   topics
	names    names
	services map[string]*service
}

var _ consumer.State = (*counter)(nil)

func newCounter(t topics) *counter {
	return &counter{topics: t, names: names{}, services: map[string]*service{}}
}

// row is the value of a record of the table.
type row struct {
	second
	Head *head `json:"head,omitempty"` // Only of a second that is open.
}

// Handle counts a line. It takes anything: what cannot be read is counted, too.
func (c *counter) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	name := c.names.of(text(r.Key), r.Partition)
	s := c.service(name)
	changed := s.take(read(r), r.Timestamp)
	var results []record.Record
	result := func(topic, key string, value any) {
		text, _ := json.Marshal(value) // These types always marshal.
		results = append(results, record.Record{Topic: topic, Key: []byte(key), Value: text})
	}
	for _, closed := range changed.closed {
		result(c.topics.counts, secondKey(name, closed.At), closed)
	}
	for _, a := range changed.alerts {
		a.Service = name
		result(c.topics.alerts, name, a)
	}
	result(c.topics.counts, fmt.Sprintf("%s|open%d", name, changed.current.At%(lateness+1)), row{*changed.current, &s.head})
	for _, at := range changed.gone {
		results = append(results, record.Record{Topic: c.topics.counts, Key: []byte(secondKey(name, at))})
	}
	return results, nil
}

// Restore takes in a record of the table.
func (c *counter) Restore(r *record.Record) error {
	name, at, err := parseKey(string(r.Key))
	if err != nil {
		return err
	}
	s := c.service(c.names.of(name, r.Partition))
	if r.Value == nil {
		delete(s.seconds, at)
		return nil
	}
	restored := row{second: *newSecond(at)}
	if err := json.Unmarshal(r.Value, &restored); err != nil {
		return fmt.Errorf("the table's record %q is not a second: %w", r.Key, err)
	}
	s.seconds[restored.At] = &restored.second
	if restored.Head != nil {
		s.head = *restored.Head
	}
	return nil
}

func (c *counter) service(name string) *service {
	s := c.services[name]
	if s == nil {
		s = &service{seconds: map[int64]*second{}}
		c.services[name] = s
	}
	return s
}

func secondKey(service string, at int64) string { return service + "|" + strconv.FormatInt(at, 10) }

// parseKey reads a key of the table. at is negative where it is an open second.
func parseKey(key string) (service string, at int64, err error) {
	bar := strings.LastIndexByte(key, '|')
	if bar >= 0 && strings.HasPrefix(key[bar:], "|open") {
		return key[:bar], -1, nil
	}
	if at, err = strconv.ParseInt(key[bar+1:], 10, 64); err != nil || bar < 0 {
		return "", 0, fmt.Errorf("the table's key %q has no second behind a bar: it was not written by this program", key)
	}
	return key[:bar], at, nil
}
