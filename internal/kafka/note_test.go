package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/kafka"
)

func TestACommitSaysWhichTopicItIsOf(t *testing.T) {
	one, other := [16]byte{1}, [16]byte{2}
	require.Equal(t, "topic-id=AQAAAAAAAAAAAAAAAAAAAA", kafka.TopicNote(one), "commits that are in Kafka already have this form")
	require.True(t, kafka.OfTopic(kafka.TopicNote(one), one))
	require.False(t, kafka.OfTopic(kafka.TopicNote(one), other))
	require.True(t, kafka.OfTopic("", one), "of a program that notes nothing")
	require.True(t, kafka.OfTopic("somebody's own words", one))
}
