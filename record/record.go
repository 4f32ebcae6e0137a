// Package record holds a Kafka record as Sluice's users see it, and its forms
// as text. It is the leaf of the module: it imports the standard library only
// and knows neither Kafka clients nor HTTP.
package record

import "time"

// Record is one record of a topic.
//
// A nil Key is Kafka's null key and a nil Value its null value (a tombstone);
// both differ from empty ones. The bytes belong to whoever hands the Record
// over: a handler must not change them, and copies what it keeps.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header is one record header. Kafka allows repeated keys and keeps the order.
type Header struct {
	Key   string
	Value []byte
}
