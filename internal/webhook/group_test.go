//go:build synctests

package webhook_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/webhook"
)

// TestAnOutageCostsNoRecord is a group in fake time whose endpoint is gone for
// a while, then unreachable for an hour, and then in need of pauses. Each record
// arrives, those of a key in order, and none becomes a dead letter.
func TestAnOutageCostsNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(2, "orders"))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		opts := []kgo.Opt{kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(network.DialContext)}
		client, err := kgo.NewClient(opts...)
		require.NoError(t, err)
		t.Cleanup(client.Close)

		s := &script{status: http.StatusGone}
		var mu sync.Mutex
		arrived := map[string][]int{}
		w := newWorld(t, webhook.Config{}, func(rw http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			s.mu.Lock()
			status := s.status
			s.mu.Unlock()
			if status/100 == 2 {
				n, err := strconv.Atoi(string(body))
				if err != nil {
					status = http.StatusBadRequest
				}
				mu.Lock()
				arrived[r.Header.Get("kafka-key")] = append(arrived[r.Header.Get("kafka-key")], n)
				mu.Unlock()
			}
			rw.WriteHeader(status)
		})
		count := func() (n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, values := range arrived {
				n += len(values)
			}
			return n
		}

		cfg := consumer.DefaultConfig()
		cfg.Name, cfg.Group, cfg.Topics, cfg.Order = "billing", "billing", []string{"orders"}, consumer.OrderKey
		registry := prometheus.NewRegistry()
		group, err := consumer.New(cfg, w, consumer.Deps{Client: opts, Log: slog.New(slog.DiscardHandler), Metrics: registry, Create: true})
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, group.Run(t.Context())) })
		t.Cleanup(wg.Wait)

		const records = 300
		for i := range records {
			r := &kgo.Record{Topic: "orders", Key: []byte{'k', byte('a' + i%20)}, Value: []byte(strconv.Itoa(i))}
			require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
		}
		time.Sleep(11 * time.Minute)
		require.Zero(t, count())
		require.Equal(t, 1.0, w.metric(t, "sluice_webhook_gone"))

		w.CloseIdle()
		w.pipes.cut(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
		time.Sleep(time.Hour)
		require.Zero(t, count())

		s.say(http.StatusTooManyRequests, "")
		w.pipes.cut(nil)
		time.Sleep(2 * time.Minute)
		require.Zero(t, count())
		s.say(http.StatusNoContent, "")
		time.Sleep(10 * time.Minute)
		require.Equal(t, records, count())
		require.Len(t, arrived, 20)
		for key, values := range arrived {
			require.True(t, slices.IsSorted(values), "%s: %v", key, values)
		}
	})
}
