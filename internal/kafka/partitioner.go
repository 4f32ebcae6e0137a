package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// AnyPartition lets the client choose a record's partition: by the key's hash,
// as Kafka's own clients do, where there is a key.
const AnyPartition = -1

// Partitioner puts a record into the partition that it names, and where that is
// AnyPartition into the one of its key. Records without a key stay together for
// a while and then change partition.
func Partitioner() kgo.Partitioner {
	const together = 64 << 10 // bytes
	return partitioner{kgo.UniformBytesPartitioner(together, false, true, nil)}
}

// partitioner honours the partition that a record asks for and leaves the
// others to the partitioner that it wraps.
type partitioner struct{ kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	// The partitioner that is wrapped wants to know what is buffered.
	return topicPartitioner{p.Partitioner.ForTopic(topic).(kgo.TopicBackupPartitioner)}
}

type topicPartitioner struct{ kgo.TopicBackupPartitioner }

func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != AnyPartition || p.TopicBackupPartitioner.RequiresConsistency(r)
}

func (p topicPartitioner) PartitionByBackup(r *kgo.Record, n int, buffered kgo.TopicBackupIter) int {
	if r.Partition != AnyPartition {
		return int(r.Partition)
	}
	return p.TopicBackupPartitioner.PartitionByBackup(r, n, buffered)
}
