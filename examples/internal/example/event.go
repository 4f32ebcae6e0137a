package example

import (
	"bytes"
	"encoding/json"
	"time"
)

// Event is a record as service B streams it.
type Event struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time
	// Key is empty for a record without a key, too.
	Key string
	// Value is JSON as it was written; null for a tombstone, a JSON string for
	// other text, and one of base64 where Binary is set.
	Value  json.RawMessage
	Binary bool
	// Headers has the last of those with one name.
	Headers map[string]string
}

// Tombstone reports whether the value is null. That of a record whose value is
// the JSON text null is, too.
func (e Event) Tombstone() bool { return bytes.Equal(e.Value, []byte("null")) }

// UnmarshalJSON reads what service B sends.
func (e *Event) UnmarshalJSON(text []byte) error {
	var wire struct {
		Topic     string          `json:"topic"`
		Partition int32           `json:"partition"`
		Offset    int64           `json:"offset"`
		Timestamp int64           `json:"timestamp"`
		Key       string          `json:"key"`
		Value     json.RawMessage `json:"value"`
		Encoding  string          `json:"encoding"`
		Headers   []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"headers"`
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	*e = Event{
		Topic: wire.Topic, Partition: wire.Partition, Offset: wire.Offset, Time: time.UnixMilli(wire.Timestamp).UTC(),
		Key: wire.Key, Value: wire.Value, Binary: wire.Encoding == "base64",
	}
	if len(e.Value) == 0 {
		e.Value = json.RawMessage("null")
	}
	if len(wire.Headers) > 0 {
		e.Headers = make(map[string]string, len(wire.Headers))
		for _, h := range wire.Headers {
			e.Headers[h.Key] = h.Value
		}
	}
	return nil
}
