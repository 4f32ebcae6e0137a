// Package record holds a Kafka record as Sluice's users see it, and its forms
// as text. It is the leaf of the module: it imports the standard library only
// and knows neither Kafka clients nor HTTP.
package record

import (
	"encoding/base64"
	"time"
)

// Record is one record of a topic.
//
// A nil Key is Kafka's null key and a nil Value its null value (a tombstone);
// both differ from empty ones. The bytes belong to whoever hands the Record
// over: a handler must not change them, and copies what it keeps.
type Record struct {
	Topic string
	// TopicID tells topics apart that have had the same name, one after the
	// other. It is zero where the cluster has no topic ids (before Kafka 2.8).
	TopicID   TopicID
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// TopicID is Kafka's id of a topic, a UUID.
type TopicID [16]byte

// String returns the id as Kafka's tools print it: 22 characters of base64url.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseTopicID reads what String has written.
func ParseTopicID(s string) (id TopicID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return TopicID{}, false
	}
	return TopicID(b), true
}

// Header is one record header. Kafka allows repeated keys and keeps the order.
type Header struct {
	Key   string
	Value []byte
}
