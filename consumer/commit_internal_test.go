package consumer

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
)

// A commit may wait for a rebalance to end, and be sent by a member that is
// another one by then. This is hard to bring about, and would undo what the
// partition's new owner has committed.
func TestACommitIsLookedAtAgainBeforeItIsSent(t *testing.T) {
	claims := map[topicPartition]claim{}
	req := &kmsg.OffsetCommitRequest{MemberID: "me"}
	commit := func(topic string, id int32, memberID string, change func(*partition)) {
		p := &partition{topicPartition: topicPartition{topic, id}}
		if change != nil {
			change(p)
		}
		claims[p.topicPartition] = claim{partition: p, at: kgo.EpochOffset{Offset: 5}, memberID: memberID, topicID: [16]byte{1}}
		if len(req.Topics) == 0 || req.Topics[len(req.Topics)-1].Topic != topic {
			req.Topics = append(req.Topics, kmsg.OffsetCommitRequestTopic{Topic: topic})
		}
		last := &req.Topics[len(req.Topics)-1]
		last.Partitions = append(last.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: id, Offset: 5})
	}
	commit("a", 0, "me", nil)
	commit("a", 1, "me before", nil)
	commit("a", 2, "me", func(p *partition) { p.fenced = true })
	commit("a", 3, "me", func(p *partition) { p.suspend() })
	commit("b", 0, "me before", nil)
	keepClaimed(req, claims)
	require.Len(t, req.Topics, 1)
	require.Len(t, req.Topics[0].Partitions, 1)
	kept := req.Topics[0].Partitions[0]
	require.Equal(t, int32(0), kept.Partition)
	require.True(t, kafka.OfTopic(*kept.Metadata, [16]byte{1}))
	require.False(t, kafka.OfTopic(*kept.Metadata, [16]byte{2}))
}
