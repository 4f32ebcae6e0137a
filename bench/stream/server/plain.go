package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

const (
	// Buffered is how many records wait for a client of the plain design before
	// everybody does.
	Buffered = 256
	// beatEvery is how often a client hears something, as with Sluice.
	beatEvery = 15 * time.Second
)

// plain is how a service that streams a topic is written at first, and well
// enough for many: one consumer, and for each client a goroutine and a channel.
// A record is fetched and encoded once for all, and goes into every channel; a
// client's goroutine writes what is in its channel and flushes when that is
// empty. Where a channel is full everybody waits, so nothing is lost.
//
// It is fast for what it is, and lacks what is difficult: a client that comes
// again begins anew, because an id is one partition's offset and nobody reads
// it; one client that does not read stops all of them, for there is no
// deadline; records that expired, topics that were made anew and partitions that
// were added are not noticed; there are no filters, no credentials, no limits
// and no metrics.
type plain struct {
	mu      sync.RWMutex
	clients map[*plainClient]struct{}
}

type plainClient struct {
	frames chan []byte
	gone   <-chan struct{}
}

// event is the data of a record, as Sluice writes it.
type event struct {
	Topic     string           `json:"topic"`
	Partition int32            `json:"partition"`
	Offset    int64            `json:"offset"`
	Timestamp int64            `json:"timestamp"`
	Key       *string          `json:"key"`
	Headers   []map[string]any `json:"headers"`
	Value     json.RawMessage  `json:"value"`
}

// frame encodes a record, whose value is JSON.
func frame(r *kgo.Record) ([]byte, error) {
	e := event{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(),
		Headers: []map[string]any{}, Value: r.Value,
	}
	if r.Key != nil {
		key := string(r.Key)
		e.Key = &key
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode a record: %w", err)
	}
	f := append(make([]byte, 0, len(data)+48), "id: "...)
	f = strconv.AppendInt(f, int64(r.Partition), 10)
	f = strconv.AppendInt(append(f, '-'), r.Offset, 10)
	f = append(append(f, "\ndata: "...), data...)
	return append(f, "\n\n"...), nil
}

// runPlain serves until ctx ends.
func runPlain(ctx context.Context, spec Spec, log *slog.Logger, listening func(address, path string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	client, err := plainConsumer(ctx, spec, log)
	if err != nil {
		cancel(nil)
		return err
	}
	defer client.Close()
	p := &plain{clients: map[*plainClient]struct{}{}}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel(nil)
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", p.serve)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 20 * time.Second}
	var work sync.WaitGroup
	defer work.Wait()
	defer func() {
		cancel(nil)
		_ = s.Close() // Streams do not end by themselves.
	}()
	work.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	})
	work.Go(func() {
		if err := p.consume(ctx, client); err != nil {
			cancel(err)
		}
	})
	if err := listening(l.Addr().String(), "/events"); err != nil {
		return err
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// plainConsumer reads all partitions of the topic, committed records alone, with
// the fetch sizes of Sluice's tail. The topic is empty when the server begins, so
// its start is where live begins, whenever the client asks for it.
func plainConsumer(ctx context.Context, spec Spec, log *slog.Logger) (*kgo.Client, error) {
	opts, err := kafka.Config{Brokers: spec.Brokers}.Options(log)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ConsumeTopics(spec.Topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(1<<20), kgo.FetchMinBytes(1),
	)...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return client, nil
}

// consume gives every record to every client.
func (p *plain) consume(ctx context.Context, client *kgo.Client) error {
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		var failed error
		fetches.EachError(func(topic string, partition int32, err error) {
			if ctx.Err() == nil {
				failed = errors.Join(failed, fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
			}
		})
		if failed != nil {
			return failed
		}
		for records := fetches.RecordIter(); !records.Done(); {
			f, err := frame(records.Next())
			if err != nil {
				return err
			}
			p.send(ctx, f)
		}
	}
	return nil
}

func (p *plain) send(ctx context.Context, f []byte) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for c := range p.clients {
		select {
		case c.frames <- f:
		case <-c.gone:
		case <-ctx.Done():
			return
		}
	}
}

// serve is one client.
func (p *plain) serve(w http.ResponseWriter, r *http.Request) {
	c := &plainClient{frames: make(chan []byte, Buffered), gone: r.Context().Done()}
	p.mu.Lock()
	p.clients[c] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.clients, c)
		p.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	if _, err := w.Write([]byte("event: ready\ndata: {}\n\n")); err != nil {
		return
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		if len(c.frames) == 0 {
			if err := control.Flush(); err != nil {
				return
			}
		}
		frame := []byte(":\n\n")
		select {
		case <-c.gone:
			return
		case <-beat.C:
		case frame = <-c.frames:
		}
		if _, err := w.Write(frame); err != nil {
			return
		}
	}
}
