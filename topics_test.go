package sluice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// saying is a log that a test may read while it is written.
type saying struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// handled is a handler that tells what it was given.
func handled(topics ...string) (sluice.Handler, <-chan string) {
	values := make(chan string, 10)
	return sluice.Handler{
		Config: consumer.Config{Name: "it", Topics: topics, Group: "it"},
		Handler: consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
			select {
			case values <- string(r.Value):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}),
	}, values
}

func with(h sluice.Handler) func(*sluice.Program) {
	return func(p *sluice.Program) { p.Handle(h.Config, h.Handler) }
}

func TestTopicsOfTheProgramAreMadeBeforeAHandlerJoins(t *testing.T) {
	addr, client, _ := kafka(t)
	h, values := handled("requests")
	s := runB(t, settings(addr), sluice.Options{Topics: []sluice.Topic{
		{Name: "requests", Partitions: 6},
		{Name: "balances", Partitions: 6, Compact: true},
		{Name: "entries"},
		{Name: "orders", Partitions: 9}, // It is there, with one partition.
	}}, with(h))
	admin := kadm.NewClient(client)
	require.Eventually(t, func() bool { // Who writes may be earlier than they are.
		return client.ProduceSync(t.Context(), &kgo.Record{Topic: "requests", Value: []byte("one")}).FirstErr() == nil
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, "one", <-values)

	topics, err := admin.ListTopics(t.Context(), "requests", "balances", "entries", "orders")
	require.NoError(t, err)
	for name, partitions := range map[string]int{"requests": 6, "balances": 6, "entries": 4, "orders": 1} {
		require.NoError(t, topics[name].Err, name)
		require.Len(t, topics[name].Partitions, partitions, name)
	}
	for name, policy := range map[string]string{"requests": "delete", "balances": "compact"} {
		configs, err := admin.DescribeTopicConfigs(t.Context(), name)
		require.NoError(t, err)
		found := ""
		for _, c := range configs[0].Configs {
			if c.Key == "cleanup.policy" {
				found = c.MaybeValue()
			}
		}
		require.Equal(t, policy, found, name)
	}
	// What they hold may be streamed, as the handler's may.
	body := s.ask("GET", "/topics").body
	var list struct{ Topics []struct{ Name string } }
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	var names []string
	for _, topic := range list.Topics {
		names = append(names, topic.Name)
	}
	require.ElementsMatch(t, []string{"requests", "balances", "entries", "orders"}, names)
}

// A setting says what may be streamed, and a program cannot open more.
func TestASettingKeepsTopicsOfTheProgramFromBeingStreamed(t *testing.T) {
	addr, client, _ := kafka(t)
	h, values := handled("orders")
	cfg := settings(addr)
	cfg.Consumer.Stream.Topics = []string{"invoices"}
	s := runB(t, cfg, sluice.Options{Topics: []sluice.Topic{{Name: "balances"}}}, with(h))
	produce(t, client, "orders", "one")
	require.Equal(t, "one", <-values)
	body := s.ask("GET", "/topics").body
	require.NotContains(t, body, "balances")
	require.Contains(t, body, "invoices")
}

func TestTopicsThatMayNotBeMadeAreAWarning(t *testing.T) {
	for name, c := range map[string]struct {
		create bool
		refuse bool
		want   string
	}{
		"creating is off": {create: false, want: `"msg":"topics of the program are missing, and kafka.create is off: create them","topics":["balances"]`},
		"Kafka refuses":   {create: true, refuse: true, want: `"msg":"a topic of the program could not be created","topic":"balances"`},
	} {
		t.Run(name, func(t *testing.T) {
			addr, client, cluster := kafka(t)
			if c.refuse {
				refuseToCreate(cluster, "balances")
			}
			h, values := handled("orders")
			cfg := settings(addr)
			cfg.Kafka.Create = c.create
			said := &saying{}
			runB(t, cfg, sluice.Options{
				Topics: []sluice.Topic{{Name: "balances"}, {Name: "invoices"}},
				Log:    slog.New(slog.NewJSONHandler(said, nil)),
			}, with(h))
			produce(t, client, "orders", "one")
			require.Equal(t, "one", <-values, "the handler works all the same")
			require.Contains(t, said.String(), c.want)
			require.NotContains(t, said.String(), `"topic":"invoices"`)
		})
	}
}

// refuseToCreate has the cluster take no request for a topic.
func refuseToCreate(cluster *kfake.Cluster, topic string) {
	cluster.ControlKey(int16(kmsg.CreateTopics), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := request.(*kmsg.CreateTopicsRequest)
		answer := asked.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, t := range asked.Topics {
			if t.Topic != topic {
				return nil, nil, false
			}
			one := kmsg.NewCreateTopicsResponseTopic()
			one.Topic, one.ErrorCode = t.Topic, kerr.TopicAuthorizationFailed.Code
			answer.Topics = append(answer.Topics, one)
		}
		return answer, nil, true
	})
}

// Service A does not make what service B makes in another way.
func TestServiceALeavesATopicOfTheProgramToServiceB(t *testing.T) {
	addr, client, _ := kafka(t)
	h, values := handled("orders")
	cfg := settings(addr)
	cfg.Producer.Listen, cfg.Producer.Topic = []string{"127.0.0.1:0"}, "requests"
	runB(t, cfg, sluice.Options{Producer: true, Topics: []sluice.Topic{{Name: "requests", Partitions: 7}}}, with(h))
	produce(t, client, "orders", "one")
	require.Equal(t, "one", <-values)
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), "requests")
	require.NoError(t, err)
	require.Len(t, topics["requests"].Partitions, 7)
}

func TestTopicsOfTheProgramThatCannotBe(t *testing.T) {
	addr, _, _ := kafka(t)
	for name, c := range map[string]struct {
		topics []sluice.Topic
		want   string
	}{
		"no name":             {[]sluice.Topic{{}}, `"" is not a topic's name`},
		"a name with a slash": {[]sluice.Topic{{Name: "a/b"}}, `"a/b" is not a topic's name`},
		"below zero":          {[]sluice.Topic{{Name: "a", Partitions: -1}}, "a: Partitions is -1"},
		"too many":            {[]sluice.Topic{{Name: "a", Partitions: 10_001}}, "a: Partitions is 10001"},
		"twice":               {[]sluice.Topic{{Name: "a"}, {Name: "a"}}, "a is named twice"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sluice.New(settings(addr), sluice.Options{Consumer: true, Topics: c.topics, Log: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, p.Run(t.Context()), c.want)
		})
	}
}
