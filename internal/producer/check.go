package producer

import (
	"encoding/binary"
	"fmt"
	"time"

	"sluice/internal/kafka"
	"sluice/internal/units"

	"github.com/twmb/franz-go/pkg/kgo"
)

// batchOverhead is the size of a record batch's header, which Kafka counts
// into max.message.bytes.
const batchOverhead = 61

// recordOverhead bounds what Kafka's format adds to one record beside its key,
// value and headers: length, attributes, deltas and the lengths of key and
// value, as varints.
const recordOverhead = 2 + 5*binary.MaxVarintLen32

// check refuses a record that the topic does not take. Kafka refuses whole
// batches, so one bad record would fail its neighbours, which are other
// callers' records.
func check(r *kgo.Record, topic *kafka.Topic, limit units.Bytes, now time.Time) *Error {
	if r.Partition != AnyPartition && (r.Partition < 0 || r.Partition >= topic.Partitions) {
		return refuse(NoPartition, "topic %s has no partition %d, only 0 to %d", topic.Name, r.Partition, topic.Partitions-1)
	}
	size := sizeOf(r)
	if size > int(limit) {
		return refuse(TooLarge, "the record has %d bytes, the limit is %d", size, int(limit))
	}
	if most := int(topic.MaxMessageBytes) - batchOverhead - recordOverhead; size > most {
		return refuse(TooLarge, "the record has %d bytes, the limit of topic %s is %d", size, topic.Name, most)
	}
	if topic.Compacted && r.Key == nil {
		return refuse(Invalid, "topic %s is compacted: a record needs a key", topic.Name)
	}
	if r.Timestamp.IsZero() || topic.AppendTime {
		return nil
	}
	if ahead := r.Timestamp.Sub(now); ahead > topic.After {
		return refuse(Invalid, "the timestamp is %s ahead, topic %s allows %s", ahead.Round(time.Second), topic.Name, topic.After)
	}
	if behind := now.Sub(r.Timestamp); behind > topic.Before {
		return refuse(Invalid, "the timestamp is %s old, topic %s allows %s", behind.Round(time.Second), topic.Name, topic.Before)
	}
	return nil
}

// highestPartition is the highest one that a record asks for.
func (b *Batch) highestPartition() int32 {
	highest := int32(AnyPartition)
	for i := range b.slots {
		highest = max(highest, b.slots[i].record.Partition)
	}
	return highest
}

// sizeOf is the size that limits are stated in: key, value and headers, the
// latter with what the format adds to each.
func sizeOf(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value) + 2*binary.MaxVarintLen32
	}
	return size
}

// CheckHeader says why a record header may not be written by a client, or
// nothing: some names mean something to service B.
func CheckHeader(name string) error {
	for _, reserved := range []string{"__dlq.", "x-dlq-", "sluice-"} {
		if len(name) >= len(reserved) && name[:len(reserved)] == reserved {
			return fmt.Errorf("a record header must not begin with %q", reserved)
		}
	}
	return nil
}
