package baseline

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Sixty is the gateway that one writes in sixty lines: net/http, encoding/json
// and franz-go, without limits, deadlines, metrics or an answer to what went
// wrong. A linger of 0 waits with ProduceSync, any other with a promise, which
// lets records of other requests join the batch.
func Sixty(ctx context.Context, broker, topic string, linger time.Duration) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker),
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()), // The default, as is idempotence.
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	write := func(ctx context.Context, r *kgo.Record) error {
		return client.ProduceSync(ctx, r).FirstErr()
	}
	if linger > 0 {
		write = func(ctx context.Context, r *kgo.Record) error {
			done := make(chan error, 1)
			client.Produce(ctx, r, func(_ *kgo.Record, err error) { done <- err })
			return <-done
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /produce", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Content string `json:"content"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		record := &kgo.Record{Value: []byte(body.Content)}
		if err := write(r.Context(), record); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct { // A client that has gone is told nothing.
			Topic     string `json:"topic"`
			Partition int32  `json:"partition"`
			Offset    int64  `json:"offset"`
		}{record.Topic, record.Partition, record.Offset})
	})
	return serve(ctx, mux)
}
