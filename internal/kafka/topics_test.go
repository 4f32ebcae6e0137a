package kafka_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafka"
)

func TestTopicsKnowWhatAWriterMustKnow(t *testing.T) {
	cluster := newCluster(t)
	require.NoError(t, cluster.CreateTopic("plain", 3, nil))
	require.NoError(t, cluster.CreateTopic("special", 1, map[string]string{
		"cleanup.policy": "compact,delete", "max.message.bytes": "1234", "message.timestamp.type": "LogAppendTime",
		"message.timestamp.before.max.ms": "60000", "message.timestamp.after.max.ms": "9223372036854775807",
	}))
	topics := kafka.NewTopics(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}))
	require.Nil(t, topics.Lookup("plain"), "nothing is known before it was asked for")

	plain, err := topics.Refresh(t.Context(), "plain", time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 3, plain.Partitions)
	require.EqualValues(t, 1048588, plain.MaxMessageBytes)
	require.False(t, plain.Compacted)
	require.Zero(t, plain.Leaderless)
	require.Zero(t, plain.UnderMinISR)
	require.Same(t, plain, topics.Lookup("plain"))

	special, err := topics.Refresh(t.Context(), "special", time.Minute)
	require.NoError(t, err)
	require.True(t, special.Compacted)
	require.True(t, special.AppendTime)
	require.EqualValues(t, 1234, special.MaxMessageBytes)
	require.Equal(t, time.Minute, special.Before)
	require.Greater(t, special.After, 1000*time.Hour, "no overflow")
}

// Requests for a name that does not exist cost Kafka one question a second.
func TestTopicsAskOnceForAMiss(t *testing.T) {
	cluster := newCluster(t)
	asked := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "nowhere", Observe: true, Count: -1})
	topics := kafka.NewTopics(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}))
	_, err := topics.Refresh(t.Context(), "nowhere", time.Minute)
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_, err := topics.Get(t.Context(), "nowhere")
			require.ErrorIs(t, err, kafka.ErrUnknownTopic)
		})
	}
	wg.Wait()
	require.LessOrEqual(t, asked.Hits(), 2, "two if a second passed meanwhile")
}

// A cluster that takes longer than a request may wait is asked once, and its
// answer serves the next request.
func TestTopicsRememberALateAnswer(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, "far"))
	topics := kafka.NewTopics(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}))
	answer := make(chan struct{})
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	_, err := topics.Get(t.Context(), "far")
	require.ErrorIs(t, err, kafka.ErrAway)
	close(answer)
	topic, err := topics.Refresh(t.Context(), "far", time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 2, topic.Partitions)
}

func TestTopicsTellRefusalsApart(t *testing.T) {
	cluster := newCluster(t)
	topics := kafka.NewTopics(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "secret", Err: kerr.TopicAuthorizationFailed})
	_, err := topics.Refresh(t.Context(), "secret", time.Minute)
	require.ErrorIs(t, err, kerr.TopicAuthorizationFailed)
	require.NotErrorIs(t, err, kafka.ErrUnknownTopic)

	cluster.Close()
	_, err = topics.Get(t.Context(), "any")
	require.ErrorIs(t, err, kafka.ErrAway)
}

func TestTopicsForgetWhatWasDeleted(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "gone"))
	topics := kafka.NewTopics(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}))
	_, err := topics.Refresh(t.Context(), "gone", time.Minute)
	require.NoError(t, err)
	require.NoError(t, cluster.DeleteTopic("gone"))
	_, err = topics.Refresh(t.Context(), "gone", time.Minute)
	require.ErrorIs(t, err, kafka.ErrUnknownTopic)
	require.Nil(t, topics.Lookup("gone"))
}

func TestCreateTopics(t *testing.T) {
	for brokers, want := range map[int]struct {
		replicas int
		inSync   string
	}{1: {1, "1"}, 2: {2, "1"}, 3: {3, "2"}, 5: {3, "2"}} {
		cluster := newCluster(t, kfake.NumBrokers(brokers))
		require.NoError(t, cluster.CreateTopic("there", 9, nil))
		control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
		require.NoError(t, control.Prepare(t.Context(), true, "there", "missing"))
		topics, err := control.Admin().ListTopics(t.Context())
		require.NoError(t, err)
		require.Len(t, topics["there"].Partitions, 9, "left as it was")
		require.Len(t, topics["missing"].Partitions, 4)
		configs, err := control.Admin().DescribeTopicConfigs(t.Context(), "missing")
		require.NoError(t, err)
		for _, c := range configs[0].Configs {
			if c.Key == "min.insync.replicas" {
				require.Equal(t, want.inSync, c.MaybeValue())
			}
		}
		require.Equal(t, want.replicas, topics["missing"].Partitions.NumReplicas())
	}
}

func TestPrepareDoesNotWaitForWhatTimeDoesNotMend(t *testing.T) {
	cluster := newCluster(t)
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "x", Err: kerr.TopicAuthorizationFailed})
	require.NoError(t, control.Prepare(t.Context(), true, "x"), "it is said at each request")
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "x", Err: kerr.CoordinatorLoadInProgress})
	require.Error(t, control.Prepare(t.Context(), true, "x"), "it is tried again")
}

func TestLinkNoticesBothWays(t *testing.T) {
	cluster := newCluster(t)
	link := kafka.NewLink(newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()}), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { link.Run(ctx) })
	defer func() { cancel(); wg.Wait() }()
	require.NoError(t, link.Away())

	var broken atomic.Bool
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if broken.Load() {
			return nil, context.Canceled, true // The connection is closed.
		}
		return nil, nil, false
	})
	changed := link.Changed()
	broken.Store(true)
	link.Kick()
	<-changed
	require.ErrorIs(t, link.Away(), kafka.ErrAway)

	changed = link.Changed()
	broken.Store(false)
	<-changed
	require.NoError(t, link.Away())
}

// A broker whose host is down does not make the cluster away.
func TestLinkWithOneOfThreeBrokersSilent(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3))
	control := newControl(t, kafka.Config{Brokers: cluster.ListenAddrs()})
	require.NoError(t, control.Prepare(t.Context(), false)) // All three are known from here on.
	var probes atomic.Int32
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		probes.Add(1)
		return nil, nil, cluster.CurrentNode() == 0 // No answer.
	})
	link := kafka.NewLink(control, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { link.Run(ctx) })
	defer func() { cancel(); wg.Wait() }()
	changed := link.Changed()
	require.Eventually(t, func() bool { link.Kick(); return probes.Load() > 60 }, time.Minute, time.Millisecond)
	select {
	case <-changed:
		t.Fatal("it was away")
	default:
	}
	require.NoError(t, link.Away())
}
