package producer

import (
	"context"

	"sluice/internal/kafka"
)

// Control returns the connection for questions about the cluster, or why it
// cannot be asked now. It answers at once.
func (w *Writer) Control() (*kafka.Control, *Error) {
	c, err := w.open()
	if err != nil {
		return nil, err
	}
	return c.control, nil
}

// CheckPartition says why no record could be written to a partition of a
// topic, as the writer would say it of the record, or nothing. It asks Kafka
// only where the topic is not known, or is not known to be as large.
func (w *Writer) CheckPartition(ctx context.Context, topic string, partition int32) *Error {
	c, err := w.open()
	if err != nil {
		return w.Refused(err)
	}
	b := &Batch{Topic: topic}
	r := b.Add()
	r.Partition = partition
	known, err := w.topic(ctx, c, b)
	if err == nil && partition >= known.Partitions {
		err = refuse(NoPartition, "topic %s has no partition %d, only 0 to %d", topic, partition, known.Partitions-1)
	}
	if err != nil {
		return w.Refused(err)
	}
	return nil
}
