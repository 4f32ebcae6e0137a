package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
)

func TestDescribeTheCluster(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3), kfake.ClusterID("lab"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	d, err := control.DescribeCluster(t.Context())
	require.NoError(t, err)
	require.Equal(t, &kafka.ClusterDescription{ID: "lab", Brokers: []int32{0, 1, 2}}, d)
}

func TestDescribeTopics(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(2, "b", "a"), kfake.SeedTopics(1, "__consumer_offsets"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	topics, err := control.DescribeTopics(t.Context())
	require.NoError(t, err)
	names := map[string]bool{}
	for _, topic := range topics {
		names[topic.Name] = topic.Internal
		require.NotEmpty(t, topic.Partitions)
		require.Empty(t, topic.Configs)
	}
	require.Equal(t, map[string]bool{"a": false, "b": false, "__consumer_offsets": true}, names)
	require.IsIncreasing(t, []string{topics[0].Name, topics[1].Name, topics[2].Name})

	topic, err := control.DescribeTopic(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "b", topic.Name)
	require.Len(t, topic.Partitions, 2)
	for i, p := range topic.Partitions {
		require.EqualValues(t, i, p.ID)
		require.Contains(t, p.Replicas, p.Leader)
		require.Equal(t, p.Replicas, p.InSync)
	}
	require.Equal(t, "delete", *topic.Configs["cleanup.policy"])

	_, err = control.DescribeTopic(t.Context(), "nowhere")
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)
}

// A topic that was made a moment ago is there: nothing is answered from a cache.
func TestDescribeANewTopic(t *testing.T) {
	cluster := newCluster(t)
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	_, err := control.DescribeTopic(t.Context(), "new")
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)
	_, _, err = control.Offsets(t.Context(), "new", 0)
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)
	require.NoError(t, cluster.CreateTopic("new", 1, nil))
	_, err = control.DescribeTopic(t.Context(), "new")
	require.NoError(t, err)
	_, _, err = control.Offsets(t.Context(), "new", 0)
	require.NoError(t, err)
}

func TestDescribeSecretsAndWhatMayNotBeRead(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "a"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	answer := func(change func(*kmsg.DescribeConfigsResponseResource)) {
		cluster.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
			r := kmsg.NewDescribeConfigsResponseResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "a"
			change(&r)
			resp.Resources = append(resp.Resources, r)
			return resp, nil, true
		})
	}
	answer(func(r *kmsg.DescribeConfigsResponseResource) {
		c := kmsg.NewDescribeConfigsResponseResourceConfig()
		c.Name, c.Value, c.IsSensitive = "password", new("hunter2"), true
		r.Configs = append(r.Configs, c)
	})
	topic, err := control.DescribeTopic(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, map[string]*string{"password": nil}, topic.Configs)

	answer(func(r *kmsg.DescribeConfigsResponseResource) { r.ErrorCode = kerr.TopicAuthorizationFailed.Code })
	topic, err = control.DescribeTopic(t.Context(), "a")
	require.NoError(t, err)
	require.Empty(t, topic.Configs)
	require.Len(t, topic.Partitions, 1)
}

func TestDescribeATopicThatIsForbidden(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "a"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = new("a"), kerr.TopicAuthorizationFailed.Code
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	_, err := control.DescribeTopic(t.Context(), "a")
	require.ErrorIs(t, err, kerr.TopicAuthorizationFailed)
	topics, err := control.DescribeTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics)
}

func TestOffsets(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(2, "a"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	first, next, err := control.Offsets(t.Context(), "a", 1)
	require.NoError(t, err)
	require.Zero(t, first)
	require.Zero(t, next)

	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for range 3 {
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "a", Partition: 1}).FirstErr())
	}
	_, err = control.Admin().DeleteRecords(t.Context(), kadm.Offsets{"a": {1: {Topic: "a", Partition: 1, At: 2}}})
	require.NoError(t, err)
	first, next, err = control.Offsets(t.Context(), "a", 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, first)
	require.EqualValues(t, 3, next)

	_, _, err = control.Offsets(t.Context(), "a", 7)
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)

	cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = "a"
		p := kmsg.NewListOffsetsResponseTopicPartition()
		p.Partition, p.ErrorCode = 1, kerr.TopicAuthorizationFailed.Code
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	_, _, err = control.Offsets(t.Context(), "a", 1)
	require.ErrorIs(t, err, kerr.TopicAuthorizationFailed)
	require.NotErrorIs(t, err, kafka.ErrAway)
}

func TestDescribeWhileKafkaIsAway(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "a"))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := control.DescribeCluster(ctx)
	require.ErrorIs(t, err, kafka.ErrAway)
	_, err = control.DescribeTopics(ctx)
	require.ErrorIs(t, err, kafka.ErrAway)
	_, err = control.DescribeTopic(ctx, "a")
	require.ErrorIs(t, err, kafka.ErrAway)
	_, _, err = control.Offsets(ctx, "a", 0)
	require.ErrorIs(t, err, kafka.ErrAway)
}
