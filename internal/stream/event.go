package stream

import (
	"encoding/json"
	"strconv"
)

// The reasons of a gap.
const (
	// Expired: Kafka has deleted the records before they could be read.
	Expired = "expired"
	// Truncated: the log has become shorter than the position, as after an
	// unclean election. What is written there from now on are other records.
	Truncated = "truncated"
	// Unreadable: a batch is damaged, or unpacks to more than is allowed.
	Unreadable = "unreadable"
	// TopicRecreated: the topic is another one of the same name. It follows
	// from its beginning.
	TopicRecreated = "topic_recreated"
	// TopicDeleted: the topic is gone. If one of its name is made, it follows
	// from its beginning.
	TopicDeleted = "topic_deleted"
	// BadCursor: the cursor could not be read. What follows is live.
	BadCursor = "bad_cursor"
	// Slow: the client has fallen behind further than is allowed. What follows
	// is live.
	Slow = "slow"
)

// Gap says that records were skipped: those of a partition from offset From to
// below To; or, where Partition is nil, what there was of the topic; or, where
// Topic is empty too, of all topics of the stream.
type Gap struct {
	Topic     string `json:"topic,omitempty" doc:"The topic; absent where all of the stream are meant."`
	Partition *int32 `json:"partition,omitempty" doc:"The partition; absent where all of the topic are meant."`
	From      *int64 `json:"from,omitempty" doc:"The first offset that was skipped."`
	To        *int64 `json:"to,omitempty" doc:"The next offset that follows."`
	Reason    string `json:"reason" enum:"expired,truncated,unreadable,topic_recreated,topic_deleted,bad_cursor,slow" doc:"Why."`
}

func partitionGap(topic string, partition int32, from, to int64, reason string) Gap {
	return Gap{Topic: topic, Partition: &partition, From: &from, To: &to, Reason: reason}
}

// Stall says that a partition has an open transaction: its last stable offset
// has stood still below its high watermark for ten seconds, and readers of
// committed records wait there.
type Stall struct {
	Topic            string `json:"topic"`
	Partition        int32  `json:"partition"`
	LastStableOffset int64  `json:"last_stable_offset"`
	HighWatermark    int64  `json:"high_watermark"`
}

// The reasons for which a stream ends.
const (
	// ByeDrain: this replica stops. Another one goes on from the cursor.
	ByeDrain = "drain"
	// ByeOverload: there is no room for another client or topic.
	ByeOverload = "overload"
	// ByeKafkaAway: Kafka does not answer.
	ByeKafkaAway = "kafka_away"
	// ByeAuth: the credential has ended.
	ByeAuth = "auth"
	// ByeFilterCost: the client's filter takes too much time.
	ByeFilterCost = "filter_cost"
	// ByeSlow: the client has fallen behind further than is allowed, and has
	// asked to be closed then.
	ByeSlow = "slow"
	// ByeReplayLimit: the client has replayed as much as one stream may. It
	// goes on where it was when it comes again.
	ByeReplayLimit = "replay_limit"
)

// Bye is the error with which a Feed ends that its client is told of.
type Bye struct { //nolint:errname // It is named as in the stream.
	Reason string `json:"reason" enum:"drain,overload,kafka_away,auth,filter_cost,slow,replay_limit" doc:"Why."`
}

func (b *Bye) Error() string { return "the stream ends: " + b.Reason }

// Retry reports whether the client may come again and go on.
func (b *Bye) Retry() bool { return b.Reason != ByeAuth && b.Reason != ByeFilterCost }

// encode writes an event's data. Numbers and plain texts always marshal.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"reason":` + strconv.Quote(err.Error()) + `}`)
	}
	return data
}

// String describes the gap.
func (g Gap) String() string {
	switch {
	case g.Partition != nil:
		return g.Reason + ": topic " + g.Topic + ", partition " + strconv.Itoa(int(*g.Partition)) +
			", from offset " + strconv.FormatInt(*g.From, 10) + " to below " + strconv.FormatInt(*g.To, 10)
	case g.Topic != "":
		return g.Reason + ": topic " + g.Topic
	}
	return g.Reason
}
