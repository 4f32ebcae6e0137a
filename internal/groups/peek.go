package groups

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
)

const (
	// peekBytes are asked for of each partition at first: a usual batch. Who
	// has more to tell is asked for peekMore.
	peekBytes = 16 << 10
	peekMore  = 1 << 20
	// peekAnswer bounds one answer, unless a single batch is larger.
	peekAnswer = 8 << 20
)

// spot is a place in the log of a partition, with records behind it.
type spot struct {
	place
	id        [16]byte // of the topic
	leader    int32
	from, end int64
}

// peeked is the first record at a spot or behind it that a reader of committed
// records gets, or that there is none.
type peeked struct {
	offset, millis int64
	none           bool
	err            error
}

var errNotInTime = errors.New("it could not be read in time")

// peek finds the next record of each spot, with one request to each broker, and
// more only for partitions that begin with large batches, gaps, or records of
// aborted transactions. A spot that it has not got to when ctx ends has an
// error.
func (i *Inspector) peek(ctx context.Context, spots []spot) map[place]peeked {
	answers := make(map[place]peeked, len(spots))
	byLeader := map[int32][]spot{}
	for _, s := range spots {
		if s.leader < 0 {
			answers[s.place] = peeked{err: kerr.LeaderNotAvailable}
			continue
		}
		answers[s.place] = peeked{err: errNotInTime}
		byLeader[s.leader] = append(byLeader[s.leader], s)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for leader, there := range byLeader {
		wg.Go(func() {
			i.peekAt(ctx, leader, there, func(p place, a peeked) {
				mu.Lock()
				defer mu.Unlock()
				answers[p] = a
			})
		})
	}
	wg.Wait()
	return answers
}

// peekAt asks one broker until all spots have an answer, it fails, or ctx ends.
func (i *Inspector) peekAt(ctx context.Context, leader int32, spots []spot, answer func(place, peeked)) {
	asking := make(map[place]*spot, len(spots))
	for n := range spots {
		asking[spots[n].place] = &spots[n]
	}
	for size := int32(peekBytes); len(asking) > 0 && ctx.Err() == nil; {
		resp, err := i.fetch(ctx, leader, spots, asking, size)
		if err != nil {
			for p := range asking {
				if ctx.Err() == nil {
					answer(p, peeked{err: err})
				}
			}
			return
		}
		moved := readAnswer(resp, asking, answer)
		if !moved && size == peekMore {
			return // The broker has no more to say; it would be asked in circles.
		}
		size = peekMore
	}
}

// readAnswer tells what a broker has answered, and reports whether any spot was
// answered or moved.
func readAnswer(resp *kmsg.FetchResponse, asking map[place]*spot, answer func(place, peeked)) (moved bool) {
	for n := range resp.Topics {
		t := &resp.Topics[n]
		for m := range t.Partitions {
			s := asking[place{t.Topic, t.Partitions[m].Partition}]
			if s == nil {
				continue
			}
			from := s.from
			a, done := s.read(&t.Partitions[m])
			if done {
				delete(asking, s.place)
				answer(s.place, a)
			}
			moved = moved || done || s.from > from
		}
	}
	return moved
}

// fetch asks for what is at the spots, in their order: a broker gives the first
// that has something at least a batch of it, however large.
func (i *Inspector) fetch(ctx context.Context, leader int32, order []spot, asking map[place]*spot, size int32) (*kmsg.FetchResponse, error) {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxBytes, req.IsolationLevel = -1, 1, peekAnswer, 1
	names := map[[16]byte]string{}
	for n := range order {
		s := asking[order[n].place]
		if s == nil {
			continue
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = s.partition, s.from, size
		if last := len(req.Topics) - 1; last >= 0 && req.Topics[last].Topic == s.topic {
			req.Topics[last].Partitions = append(req.Topics[last].Partitions, p)
			continue
		}
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = s.topic, s.id
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		names[s.id] = s.topic
	}
	answer, err := i.control.Client().Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, asked("fetch", err)
	}
	resp, ok := answer.(*kmsg.FetchResponse)
	if !ok {
		return nil, fmt.Errorf("%w: fetch is answered with a %T", kafka.ErrAway, answer)
	}
	for n := range resp.Topics {
		// From version 13 on, topics are named by their ids.
		if t := &resp.Topics[n]; t.Topic == "" {
			t.Topic = names[t.TopicID]
		}
	}
	return resp, kerr.ErrorForCode(resp.ErrorCode)
}

// read looks for the next record in what a broker has answered, and moves the
// spot behind what holds none. It reports whether the question is answered.
func (s *spot) read(p *kmsg.FetchResponseTopicPartition) (peeked, bool) {
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return peeked{err: err}, true
	}
	raw := p.RecordBatches
	// Most often the first batch has it, and none of the others need be
	// unpacked. They are taken from the beginning each time since what is
	// aborted is told by their sequence.
	for batches := 1; ; batches *= 2 {
		part := *p
		end := prefix(raw, batches)
		part.RecordBatches = raw[:end]
		opts := kgo.ProcessFetchPartitionOpts{Offset: s.from, IsolationLevel: kgo.ReadCommitted(), Topic: s.topic, Partition: s.partition}
		got, next := kgo.ProcessFetchPartition(opts, &part, kafka.Unpacker{}, nil)
		switch {
		case len(got.Records) > 0 && got.Records[0].Offset >= s.end:
			return peeked{none: true}, true // It was written after the end was asked for.
		case len(got.Records) > 0:
			return peeked{offset: got.Records[0].Offset, millis: kafka.Millis(got.Records[0].Timestamp)}, true
		case got.Err != nil:
			return peeked{err: got.Err}, true
		case end < len(raw):
			continue
		}
		s.from = max(s.from, next)
		return peeked{none: true}, s.from >= s.end
	}
}

// prefix returns how long the first so many batches are: all of it where there
// are fewer, or where what follows makes no sense or is not whole.
func prefix(raw []byte, batches int) int {
	const head = 12 // offset and length
	at := 0
	for range batches {
		if len(raw)-at < head {
			return len(raw)
		}
		length := int64(int32(binary.BigEndian.Uint32(raw[at+8:]))) //nolint:gosec // G115: it is a signed number.
		if length < 0 || length > int64(len(raw)-at-head) {
			return len(raw)
		}
		at += head + int(length)
	}
	return at
}
