package redrive

import (
	"encoding/json"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// batchLetters and maxTransaction bound what is written at once, and
	// batchTime how long a letter waits for others.
	batchLetters   = 100
	maxTransaction = 4 << 20
	batchTime      = time.Second
)

// batch is what one transaction writes: letters of one source, each with its
// receipt. A letter that is larger than all that may be written together is a
// batch of its own; compressed, it has been taken by Kafka before.
type batch struct {
	records []*kgo.Record
	letters int
	bytes   int
	began   time.Time
}

// full reports whether the batch has to be written before more comes in.
func (b *batch) full(more, maxLetters, maxBytes int) bool {
	return b.letters > 0 && (b.letters >= maxLetters || b.bytes+more > maxBytes)
}

// add adds a letter's record and its receipt.
func (b *batch) add(retry, receipt *kgo.Record) {
	if b.letters == 0 {
		b.began = time.Now()
	}
	b.records = append(b.records, retry, receipt)
	b.letters++
	b.bytes += size(retry)
}

// due reports whether a batch would have waited too long in a while from now.
func (b *batch) due(while time.Duration) bool {
	return b.letters > 0 && time.Since(b.began)+while > batchTime
}

// newReceipt makes the receipt of a letter.
func newReceipt(s *source, l *letter, r Redrive) (*kgo.Record, error) {
	value, err := json.Marshal(receipt{Redrive: r.ID, Time: time.Now().UTC(), Principal: r.Principal, TopicID: s.dlq.id.String()})
	if err != nil {
		return nil, err
	}
	return &kgo.Record{
		Topic: s.redrives.name, Partition: receiptPartition,
		Key: receiptKey(l.record.Partition, l.record.Offset), Value: value,
	}, nil
}

// newStatus makes the record of a status.
func newStatus(home *topic, r Redrive) (*kgo.Record, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{Topic: home.name, Partition: receiptPartition, Key: []byte(statusPrefix + r.ID), Value: value}, nil
}
