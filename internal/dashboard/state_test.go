package dashboard_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/internal/dashboard"
)

// state is what the tests look at.
type state struct {
	Replica   string           `json:"replica"`
	Principal string           `json:"principal"`
	NotReady  []string         `json:"not_ready"`
	CanWrite  bool             `json:"can_write"`
	Handlers  []map[string]any `json:"handlers"`
	Streams   struct {
		Clients   int    `json:"clients"`
		Delivered uint64 `json:"delivered"`
		Topics    []struct {
			Topic string `json:"topic"`
		} `json:"topics"`
	} `json:"streams"`
	Watchers    []dashboard.Watcher `json:"watchers"`
	AllWatchers bool                `json:"all_watchers"`
}

func (s *service) state(headers ...string) (got state) {
	s.t.Helper()
	a := s.ask(http.MethodGet, "/dashboard/state", "", headers...)
	require.Equal(s.t, 200, a.code, string(a.body))
	require.Equal(s.t, "application/json", a.header.Get("Content-Type"))
	require.Equal(s.t, "no-store", a.header.Get("Cache-Control"))
	require.NoError(s.t, json.Unmarshal(a.body, &got))
	return got
}

func twoHandlers() []dashboard.Handler {
	began := time.Now().Add(-time.Minute)
	return []dashboard.Handler{
		{Topics: []string{"orders"}, Status: consumer.Status{
			Handler: "billing", Group: "billing", Records: consumer.States{In: 10, OK: 6, Running: 1, Queued: 3},
			Partitions: []consumer.PartitionStatus{
				{Topic: "orders", Partition: 0, Lanes: 2, OldestRunning: began.Add(time.Second)},
				{Topic: "orders", Partition: 1, Lanes: 1, OldestRunning: began, LastError: "502 from billing.example"},
				{Topic: "orders.billing.retry", Partition: 0, Stopped: "its dead letter was refused"},
			},
		}},
		{Topics: []string{"orders", "secrets"}, Status: consumer.Status{Handler: "audit", Group: "audit", NotJoined: "Kafka is away"}},
	}
}

func someWatchers() []dashboard.Watcher {
	return []dashboard.Watcher{
		{Principal: "anna", Remote: "192.0.2.1:5", Transport: "sse", Topics: []string{"orders"}},
		{Principal: "bert", Remote: "192.0.2.2:5", Transport: "ws", Topics: []string{"orders", "secrets"}},
	}
}

func streams() dashboard.StreamTotals {
	return dashboard.StreamTotals{Clients: 2, Delivered: 7, Topics: []dashboard.WatchedTopic{{Topic: "orders", Clients: 2}, {Topic: "secrets", Clients: 1}}}
}

func TestTheStateSaysWhatThisReplicaKnows(t *testing.T) {
	s := start(t, dashboard.Deps{
		Replica: "b-7f4c", Version: "1.2.3", Ready: func() []string { return []string{"handler audit: Kafka is away"} },
		Handlers: twoHandlers, Streams: streams, Watchers: someWatchers,
	}, nil, nil)
	got := s.state()
	require.Equal(t, "b-7f4c", got.Replica)
	require.Equal(t, []string{"handler audit: Kafka is away"}, got.NotReady)
	require.False(t, got.CanWrite)
	require.Len(t, got.Handlers, 2)
	billing := got.Handlers[0]
	require.Equal(t, 3.0, billing["lanes"])
	require.Equal(t, 3.0, billing["partitions"])
	require.Equal(t, []any{
		map[string]any{"topic": "orders", "partition": 1.0, "last_error": "502 from billing.example"},
		map[string]any{"topic": "orders.billing.retry", "partition": 0.0, "stopped": "its dead letter was refused"},
	}, billing["troubles"])
	oldest, err := time.Parse(time.RFC3339, billing["oldest_running"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(-time.Minute), oldest, 30*time.Second)
	require.Equal(t, "Kafka is away", got.Handlers[1]["not_joined"])
	require.Equal(t, []any{}, got.Handlers[1]["troubles"])
	require.Len(t, got.Watchers, 2)
	require.True(t, got.AllWatchers)
	require.Equal(t, 422, s.ask(http.MethodGet, "/dashboard/state?all=1", "").code)
}

func TestAnEmptyReplicaHasLists(t *testing.T) {
	s := start(t, dashboard.Deps{}, nil, nil)
	a := s.ask(http.MethodGet, "/dashboard/state", "")
	require.NotContains(t, string(a.body), "null")
}

func TestEachPrincipalSeesWhatItMay(t *testing.T) {
	auth, keys := authenticator(t)
	s := start(t, dashboard.Deps{Handlers: twoHandlers, Streams: streams, Watchers: someWatchers}, auth, nil)
	see := func(name string) state { return s.state("Authorization", "Bearer "+keys[name]) }

	reader := see("reader")
	require.Equal(t, "reader", reader.Principal)
	require.Len(t, reader.Handlers, 1, "a handler of secrets is not for a reader of orders")
	require.Equal(t, "billing", reader.Handlers[0]["handler"])
	require.Len(t, reader.Streams.Topics, 1)
	require.Equal(t, 2, reader.Streams.Clients)
	require.Empty(t, reader.Watchers, "who watches is for those who operate")
	require.False(t, reader.AllWatchers)

	operator := see("operator")
	require.Len(t, operator.Handlers, 2)
	require.Len(t, operator.Streams.Topics, 2)
	require.Len(t, operator.Watchers, 2)
	require.True(t, operator.AllWatchers)

	require.Len(t, see("reader").Handlers, 1, "the answers are kept apart")
}

func TestManyPagesAskTheReplicaOnceASecond(t *testing.T) {
	var asked atomic.Int64
	s := start(t, dashboard.Deps{Handlers: func() []dashboard.Handler { asked.Add(1); return twoHandlers() }}, nil, nil)
	began := time.Now()
	var pages sync.WaitGroup
	for range 10 {
		pages.Go(func() {
			for range 20 {
				_ = s.ask(http.MethodGet, "/dashboard/state", "")
			}
		})
	}
	pages.Wait()
	require.LessOrEqual(t, asked.Load(), int64(time.Since(began)/time.Second)+1)
}

func TestWatchersAreBounded(t *testing.T) {
	many := make([]dashboard.Watcher, 1000)
	for i := range many {
		many[i] = dashboard.Watcher{Topics: []string{"orders"}, Delivered: uint64(i)}
	}
	s := start(t, dashboard.Deps{
		Streams:  func() dashboard.StreamTotals { return dashboard.StreamTotals{Clients: len(many)} },
		Watchers: func() []dashboard.Watcher { return many },
	}, nil, nil)
	got := s.state()
	require.Len(t, got.Watchers, 200)
	require.False(t, got.AllWatchers)
}
