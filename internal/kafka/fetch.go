package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/record"
)

const (
	// fetchPartition is asked for of each partition, unless a single batch is
	// larger, and fetchAnswer bounds one answer.
	fetchPartition = 1 << 20
	fetchAnswer    = 8 << 20
	// fetchGrace is what an answer may take beside the time that it may wait.
	fetchGrace = 5 * time.Second
)

// Place is a partition and the offset from which it is read.
type Place struct {
	Partition int32
	Next      int64
}

// Fetched is what a broker has answered about a partition.
type Fetched struct {
	Partition int32
	Records   []*kgo.Record // committed ones, from the asked offset on
	Next      int64         // to ask for next
	// Start, Stable and High are the log's start offset, its last stable offset
	// and its high watermark; -1 where they are not known.
	Start, Stable, High int64
	Err                 error
	// Behind is, with ErrUnreadable, the offset behind the batch, or the asked
	// one where that cannot be told.
	Behind int64
}

// ErrUnreadable means that a batch is damaged or too large.
var ErrUnreadable = errors.New("a batch cannot be read")

// Fetch asks a broker for committed records of partitions of a topic, and
// waits up to maxWait for some. It is for readers past which nothing may slip
// in silence: the client's consumer does not tell where it is behind a
// transaction's end, and how far the log reaches on both sides.
func Fetch(ctx context.Context, client *kgo.Client, topic string, id record.TopicID, leader int32, from []Place, maxWait time.Duration) ([]Fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait+fetchGrace)
	defer cancel()
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxBytes, req.IsolationLevel = -1, 1, fetchAnswer, 1
	req.MaxWaitMillis = int32(maxWait.Milliseconds()) //nolint:gosec // G115: a second or so.
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, id
	asked := make(map[int32]int64, len(from))
	for _, s := range from {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = s.Partition, s.Next, fetchPartition
		t.Partitions = append(t.Partitions, p)
		asked[s.Partition] = s.Next
	}
	req.Topics = append(req.Topics, t)
	answer, err := client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*kmsg.FetchResponse)
	if !ok {
		return nil, fmt.Errorf("fetch is answered with a %T", answer)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	var all []Fetched
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			if at, ok := asked[p.Partition]; ok {
				all = append(all, unpack(topic, p, at))
			}
		}
	}
	return all, nil
}

// unpack reads what a broker has answered about a partition.
func unpack(topic string, p *kmsg.FetchResponseTopicPartition, at int64) Fetched {
	f := Fetched{Partition: p.Partition, Next: at, Start: p.LogStartOffset, Stable: p.LastStableOffset, High: p.HighWatermark}
	if f.Err = kerr.ErrorForCode(p.ErrorCode); f.Err != nil {
		return f
	}
	raw := p.RecordBatches
	opts := kgo.ProcessFetchPartitionOpts{Offset: at, IsolationLevel: kgo.ReadCommitted(), Topic: topic, Partition: p.Partition}
	got, next := kgo.ProcessFetchPartition(opts, p, &bounded{left: unpackBytes}, nil)
	f.Records, f.Next = got.Records, max(at, next)
	if got.Err != nil && f.Next == at { // Else the next answer begins with what could not be read.
		f.Err = fmt.Errorf("%w: %w", ErrUnreadable, got.Err)
		f.Behind = behind(raw, at)
	}
	return f
}

// unpackBytes is what the batches of one answer may unpack to, but for the
// first, which may be larger. A megabyte of them can hold gigabytes of zeros.
const unpackBytes = 16 << 20

// bounded decompresses until it is enough for one answer.
type bounded struct {
	Unpacker
	left int
}

var errEnough = errors.New("the rest comes with the next answer")

// Decompress implements kgo.Decompressor.
func (b *bounded) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if b.left <= 0 {
		return nil, errEnough
	}
	out, err := b.Unpacker.Decompress(src, codec)
	b.left -= len(out)
	return out, err
}

// behind returns the offset behind the batch that holds the given one, or the
// given one where that cannot be told.
func behind(raw []byte, offset int64) int64 {
	// The base offset, the length, and, behind the leader's epoch, a byte of
	// magic, a checksum and the attributes, how much higher the last offset is.
	const head, lastDelta = 12, 23
	for len(raw) >= lastDelta+4 {
		base := int64(binary.BigEndian.Uint64(raw))                     //nolint:gosec // G115: signed in Kafka, too.
		length := int64(int32(binary.BigEndian.Uint32(raw[8:])))        //nolint:gosec // G115: signed in Kafka, too.
		delta := int64(int32(binary.BigEndian.Uint32(raw[lastDelta:]))) //nolint:gosec // G115: signed in Kafka, too.
		if delta >= 0 && base+delta >= offset && base <= offset+delta {
			return base + delta + 1
		}
		if length <= 0 || length > int64(len(raw)-head) {
			break
		}
		raw = raw[head+length:]
	}
	return offset
}
