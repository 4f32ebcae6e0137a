package redrive

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/record"
)

// letter is a dead letter as it is in Kafka.
type letter struct {
	record   *kgo.Record
	original []record.Header
	deadletter.Letter
}

// newLetter reads a record of a dead-letter topic. It reports false for one
// that is not of this topic and group: nobody here has written it, or another
// topic and group have the same dead-letter topic, as a.b + c and a + b.c do.
func newLetter(r *kgo.Record, topic, group string) (*letter, bool) {
	headers := make([]record.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = record.Header(h)
	}
	original, block, ok := deadletter.Split(headers)
	if !ok || block.Topic != topic || block.Group != group ||
		block.Partition < 0 || block.Offset < 0 || block.Attempts < 0 || block.Replays < 0 {
		return nil, false
	}
	return &letter{record: r, original: original, Letter: block}, true
}

// retry makes the record that the group handles again: the same key, value and
// headers, in the partition that the original was in, as far as the retry topic
// has so many. Its time is now.
func (l *letter) retry(topic string, partitions int) *kgo.Record {
	block := l.Letter
	block.Replays++
	headers := block.Append(l.original)
	r := &kgo.Record{
		Topic:     topic,
		Partition: l.Partition % int32(partitions), //nolint:gosec // G115: a count of partitions fits.
		Key:       l.record.Key,
		Value:     l.record.Value,
		Headers:   make([]kgo.RecordHeader, len(headers)),
	}
	for i, h := range headers {
		r.Headers[i] = kgo.RecordHeader(h)
	}
	return r
}

// size is what a record takes in a batch, at most and before compression.
func size(r *kgo.Record) int {
	const lengths, ofHeader = 40, 10
	n := lengths + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += ofHeader + len(h.Key) + len(h.Value)
	}
	return n
}

// matches reports whether the filters of a request let the letter through.
func (q *Request) matches(l *letter) bool {
	switch {
	case !q.Since.IsZero() && l.LastFailure.Before(q.Since),
		!q.Until.IsZero() && !l.LastFailure.Before(q.Until),
		q.Key != nil && (l.record.Key == nil || !slices.Equal(q.Key, l.record.Key)),
		q.Class != "" && q.Class != l.Class:
		return false
	}
	return true
}
