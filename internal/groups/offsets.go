package groups

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The moments that offsets are asked for, beside those in milliseconds.
const (
	logEnd   = -1
	logStart = -2
)

// listed is the offset of a partition at a moment.
type listed struct {
	offset int64
	// timestamp is that of the record at the offset, -1 where the moment is
	// behind all records, or was none.
	timestamp int64
	err       error
}

var errNoAnswer = errors.New("no offset in the answer")

// list asks for the offsets of the partitions at a moment, with one request to
// each broker. Only committed records count: the log's end is the last stable
// offset. What a broker does not answer is an error of its partitions.
func (i *Inspector) list(ctx context.Context, places []place, moment int64) map[place]listed {
	answers := make(map[place]listed, len(places))
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, 1
	index := map[string]int{}
	for _, p := range places {
		answers[p] = listed{-1, -1, errNoAnswer}
		at, ok := index[p.topic]
		if !ok {
			at = len(req.Topics)
			index[p.topic] = at
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = p.topic
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp = p.partition, moment
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, rp)
	}
	if len(places) == 0 {
		return answers
	}
	note := func(p place, l listed) {
		if _, wanted := answers[p]; wanted {
			answers[p] = l
		}
	}
	for _, shard := range i.control.Client().RequestSharded(ctx, req) {
		if shard.Err != nil {
			failed, _ := shard.Req.(*kmsg.ListOffsetsRequest)
			if failed == nil {
				failed = req
			}
			for _, t := range failed.Topics {
				for _, p := range t.Partitions {
					note(place{t.Topic, p.Partition}, listed{-1, -1, shard.Err})
				}
			}
			continue
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				note(place{t.Topic, p.Partition}, listed{p.Offset, p.Timestamp, kerr.ErrorForCode(p.ErrorCode)})
			}
		}
	}
	return answers
}

// committed asks for all offsets that the group has.
func (i *Inspector) committed(ctx context.Context, group string) (kadm.OffsetResponses, error) {
	commits, err := i.control.Admin().FetchOffsets(ctx, group)
	switch {
	case err == nil:
		return commits, nil
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil, nil
	}
	return nil, asked("fetch the group's offsets", err)
}
